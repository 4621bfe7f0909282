"""Pictures on the page: chosen, dropped, pasted, late, and bad ones."""

import base64

import numpy as np
import pytest
# Skips this module where there is no browser.
from page_fixtures import LEVEL, PHOTOGRAPHS, browser, page, server, type_digits
from browser import draw_stroke, read_answer
from playwright.sync_api import expect

from mnist_sum_tf.prediction import canvas_of

__all__ = ["browser", "page", "server"]  # Fixtures of the tests below.


def test_a_chosen_file_is_read(page):
    page.locator("#file").set_input_files(PHOTOGRAPHS / "3145_pen.jpg")
    expect(page.locator("#sum")).to_have_text("13")
    assert read_answer(page)[0] == (3, 1, 4, 5)
    assert page.locator("#picture").is_visible()
    expect(page.locator("#seen")).to_be_visible()
    file = (PHOTOGRAPHS / "3145_pen.jpg").read_bytes()
    np.testing.assert_array_equal(
        seen_pixels(page), canvas_of("pen", file)[..., 0]
    )
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


def test_a_late_answer_is_not_shown_under_a_picture(page):
    asked = []

    def hold_the_first(route):
        asked.append(route)
        if len(asked) > 1:
            route.continue_()

    page.route("**:predict", hold_the_first)
    with page.expect_request("**:predict"):
        page.keyboard.type("9")
    page.locator("#file").set_input_files(PHOTOGRAPHS / "3145_pen.jpg")
    expect(page.locator("#picture")).to_be_visible()
    page.evaluate(
        """() => {
          const sum = document.getElementById("sum");
          window.sums = [];
          new MutationObserver(() => sums.push(sum.textContent)).observe(
            sum, { childList: true, characterData: true, subtree: true });
        }"""
    )
    nines = {
        "digits": [9] * 4, "digit_probabilities": [[0] * 9 + [1]] * 4,
        "sum": 36, "most_likely_sum": 36, "sum_probabilities": [0] * 36 + [1],
    }  # fmt: skip
    asked[0].fulfill(json={"predictions": [nines]})
    expect(page.locator("#sum")).to_have_text("13")
    assert "36" not in page.evaluate("sums")


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
