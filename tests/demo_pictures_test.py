"""Pictures on the page: chosen, dropped, pasted, offered, and bad ones."""

import base64

import numpy as np
import pytest
from browser import draw_stroke, read_answer, wait_for_answer

# Skips this module where there is no browser.
from page_fixtures import LEVEL, PHOTOGRAPHS, browser, page, server, type_digits
from PIL import Image
from playwright.sync_api import expect

from mnist_sum_tf.data.pictures import canvas_of
from mnist_sum_tf.demo import served_files
from mnist_sum_tf.demo import server as demo


def test_a_chosen_file_is_read(page):
    page.locator("#file").set_input_files(PHOTOGRAPHS / "3145_pen.jpg")
    expect(page.locator("#sum")).to_have_text("13")
    assert read_answer(page)[0] == (3, 1, 4, 5)
    assert page.locator("#picture").is_visible()
    expect(page.locator("#seen")).to_be_visible()
    file = (PHOTOGRAPHS / "3145_pen.jpg").read_bytes()
    np.testing.assert_array_equal(seen_pixels(page), canvas_of("pen", file)[..., 0])
    draw_stroke(page, LEVEL)  # Drawing puts it aside.
    assert page.locator("#picture").is_hidden()


def seen_pixels(page) -> np.ndarray:
    """What the page shows of what the model sees, uint8 `[40, 168]`."""
    values = page.evaluate(
        """() => {
          const context = document.getElementById("seen").getContext("2d");
          const { data } = context.getImageData(0, 0, 168, 40);
          return Array.from({ length: 6720 }, (_, i) => data[4 * i]);
        }"""
    )
    return np.array(values, np.uint8).reshape(40, 168)


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_dropped_or_pasted_file_is_read(page, how):
    content = base64.b64encode((PHOTOGRAPHS / "1435_marker.jpg").read_bytes())
    page.evaluate(
        """([how, content]) => {
          const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], "a.jpg", { type: "image/jpeg" }));
          const event = how === "drop"
            ? new DragEvent("drop", { dataTransfer: data, bubbles: true })
            : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
          document.getElementById("pad").dispatchEvent(event);
        }""",
        [how, content.decode()],
    )
    expect(page.locator("#sum")).to_have_text("13")
    assert read_answer(page)[0] == (1, 4, 3, 5)


def test_the_file_opened_last_counts_however_long_another_is_read(page):
    page.evaluate(
        """() => {
          const read = FileReader.prototype.readAsDataURL;
          window.waiting = [];
          FileReader.prototype.readAsDataURL = function (file) {
            if (file.name === "slow.jpg") waiting.push(() => read.call(this, file));
            else read.call(this, file);
          };
        }"""
    )
    for name in ("slow.jpg", "quick.jpg"):
        page.evaluate(
            """async (name) => {
              const file = await (await fetch("/examples/1435_marker.jpg")).blob();
              const data = new DataTransfer();
              data.items.add(new File([file], name, { type: file.type }));
              const event = new DragEvent("drop", { dataTransfer: data, bubbles: true });
              document.getElementById("pad").dispatchEvent(event);
            }""",
            name,
        )
    expect(page.locator("#picture")).to_have_attribute("alt", "quick.jpg")
    page.evaluate("new Promise((read) => { waiting[0](); setTimeout(read, 500); })")
    assert page.locator("#picture").get_attribute("alt") == "quick.jpg"


def test_a_picture_without_ink_is_not_read(page, tmp_path):
    Image.new("L", (600, 300), 255).save(tmp_path / "white.png")
    page.locator("#file").set_input_files(tmp_path / "white.png")
    expect(page.locator("#notice")).to_have_text("There is no ink in white.png.")
    wait_for_answer(page)
    assert page.locator("#sum").inner_text() == "–"
    type_digits(page, "4281")
    assert read_answer(page) == ((4, 2, 8, 1), 15)
    assert page.locator("#notice").is_hidden()


def test_a_picture_that_cannot_be_fetched_is_reported(page):
    page.route("**/examples/**", lambda route: route.abort())
    page.get_by_role("button", name="1435_marker.jpg").click()
    expect(page.locator("#notice")).to_contain_text("1435_marker.jpg cannot be loaded")


def test_pictures_of_any_name_are_offered(browser, server, tmp_path):
    names = ["50%.png", "a#1 é?.JPEG"]
    for name, source in zip(names, ("9455_drawing.png", "3145_pen.jpg")):
        (tmp_path / name).write_bytes((PHOTOGRAPHS / source).read_bytes())
    files = served_files.find_files(str(tmp_path))
    with demo.DemoServer(demo.DemoConfig(port=0), server.answer, files) as other:
        other.start_in_thread()
        page = browser.open(other.url)
        for name, total in zip(names, ("23", "13")):
            page.get_by_role("button", name=name).click()
            expect(page.locator("#sum")).to_have_text(total)
            assert page.locator("#picture").get_attribute("alt") == name
        page.context.close()
        other.shutdown()


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.txt", b"4281", "is no PNG, JPEG, GIF or BMP"),
        ("a.png", b"", "a.png is empty"),
        ("a.png", b"\x89PNG\r\n", "cannot be read as a picture"),
        ("a.png", bytes(10_400_000), "has 10.4 MB; up to 10 MB"),
    ],
)
def test_a_bad_file_is_named_and_the_next_drawing_read(
    page, tmp_path, name, content, message
):
    (tmp_path / name).write_bytes(content)
    page.locator("#file").set_input_files(tmp_path / name)
    expect(page.locator("#notice")).to_contain_text(message)
    page.keyboard.press("Escape")
    type_digits(page, "4281")
    assert read_answer(page) == ((4, 2, 8, 1), 15)
    assert page.locator("#notice").is_hidden()
