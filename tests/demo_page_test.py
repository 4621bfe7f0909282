"""The page in a real browser: mouse, finger, a server that is away."""

import re
import socket

import numpy as np
import pytest
from browser import draw, draw_stroke, pad_of, read_answer, wait_for_answer
from check_drawings import check_drawings

# Skips this module where there is no browser.
from page_fixtures import LEVEL, PHOTOGRAPHS, browser, page, server, type_digits
from playwright.sync_api import expect
from stroke_paths import draw_string

from mnist_sum_tf.demo import served_files
from mnist_sum_tf.demo import server as demo
from mnist_sum_tf.serving import errors


def shown(page, selector: str) -> str:
    return page.locator(selector).inner_text()


def test_a_stroke_changes_the_answer_and_undo_takes_it_back(page):
    assert shown(page, "#sum") == "–"
    type_digits(page, "428")
    bar = [(132.0, 7.0), (132.0, 33.0)]
    draw_stroke(page, bar)
    wait_for_answer(page)
    assert read_answer(page) == ((4, 2, 8, 1), 15)
    flag = [(120.0, 8.0), (125.0, 7.5), (132.0, 7.0)]
    draw_stroke(page, flag)
    wait_for_answer(page)
    assert read_answer(page) == ((4, 2, 8, 7), 21)
    page.get_by_role("button", name="Undo").click()
    wait_for_answer(page)
    assert read_answer(page) == ((4, 2, 8, 1), 15)
    page.get_by_role("button", name="Clear").click()
    assert shown(page, "#sum") == "–"
    assert page.get_by_role("button", name="Undo").is_disabled()


def test_probabilities_and_bars_are_those_of_the_model(page):
    with page.expect_response("**:predict") as waiting:
        page.get_by_role("button", name=re.compile("9455")).click()
    (answer,) = waiting.value.json()["predictions"]
    wait_for_answer(page)
    assert read_answer(page) == (tuple(answer["digits"]), 23)
    bars = page.locator("#sums i")
    assert bars.count() == 37
    heights = bars.evaluate_all("bars => bars.map(b => parseFloat(b.style.height))")
    expected = 100 * np.array(answer["sum_probabilities"])
    np.testing.assert_allclose(heights, expected, atol=1e-3)
    assert bars.nth(23).get_attribute("class") == "most-likely"


def test_strokes_become_these_pixels(page):
    """Lines two pixels wide: a quarter of a pixel lower, a quarter fainter."""
    pixels = page.evaluate(
        """async () => {
          const { rasterise } = await import("/rasterise.js");
          const stroke = [{ x: 10, y: 20.25 }, { x: 30, y: 20.25 }];
          return Array.from(rasterise([stroke], { width: 2, softness: 1 }));
        }"""
    )
    image = np.array(pixels).reshape(40, 168)
    assert image[18:23, 20].tolist() == [0, 191, 255, 64, 0]
    # Round ends: column 9 is hypot(0.5, 0.25) away, 0.941 of 255.
    assert image[20, 7:11].tolist() == [0, 0, 240, 255]
    assert image[:, 40:].max() == 0


def test_a_drawing_is_sized_centred_and_spaced(page):
    """A 7 in two strokes is one digit; digits that touch are moved apart."""
    placed, counts = page.evaluate(
        """async () => {
          const { placeStrokes } = await import("/place.js");
          const { groupDigits } = await import("/digits.js");
          const line = (...xy) => xy.map(([x, y]) => ({ x, y }));
          const seven = [line([0, 0], [4, 0], [2, 10]), line([1, 5], [4, 5])];
          const one = line([4.9, 0], [4.9, 10]);
          const four = [line([90, 0], [88, 6], [94, 6]), line([93, 2], [92, 10])];
          const all = [...seven, one, ...four];
          return [placeStrokes(all), groupDigits(all).map((d) => d.strokes.length)];
        }"""
    )
    assert counts == [2, 1, 2]
    points = [np.array([[p["x"], p["y"]] for p in stroke]) for stroke in placed]
    every = np.concatenate(points)
    assert np.ptp(every[:, 1]) == pytest.approx(20)
    np.testing.assert_allclose(
        (every.min(axis=0) + every.max(axis=0)) / 2, [84, 20], atol=1e-9
    )
    x = [stroke[:, 0] for stroke in points]
    assert x[2].min() - x[0].max() == pytest.approx(2)  # Was 0.9 of 10.
    assert x[3].min() - x[2].max() == pytest.approx(12)  # Was 83.


def test_hundreds_of_strokes_are_grouped(page):
    """Four combs of fifty teeth, each of which is compared with its neighbours."""
    sizes, compared = page.evaluate(
        """async () => {
          const { groupDigits } = await import("/digits.js");
          let compared = 0;
          const hypot = Math.hypot;
          Math.hypot = (x, y) => (compared++, hypot(x, y));
          const tooth = (i) => Array.from({ length: 40 }, (_, j) => ({
            x: 42 * (i % 4) + 0.5 * Math.floor(i / 4), y: 0.75 * j,
          }));
          const digits = groupDigits(Array.from({ length: 200 }, (_, i) => tooth(i)));
          Math.hypot = hypot;
          return [digits.map((d) => d.strokes.length), compared];
        }"""
    )
    assert sizes == [50, 50, 50, 50]
    assert compared < 4_000  # Of 200 x 200 pairs, times 40 x 40 points.


def test_it_reads_what_a_hand_draws(page):
    """`python tests/check_drawings.py --strings=100` draws them all."""
    result = check_drawings(page, range(5))
    assert result["digits"] >= 0.9
    assert result["sums"] >= 0.8
    assert len(result["milliseconds"]) >= 20


def test_a_screen_reader_is_told(page):
    type_digits(page, "4281")
    spoken = page.locator("#spoken")
    expect(spoken).to_have_text(re.compile(r"I read 4 2 8 1\. Sum 15, .*%\."))
    assert spoken.get_attribute("aria-live") == "polite"
    # Nothing else that changes is said: not every sum on the way.
    live = "[aria-live], output, [role=status], [role=log], [role=alert]"
    said = page.locator(live).evaluate_all("all => all.map(each => each.id)")
    assert said == ["notice", "spoken"]
    assert (
        page.locator("#sums")
        .get_attribute("aria-label")
        .startswith("Likeliest sums: 15: ")
    )
    for name in ("Undo", "Clear", "Example", "Open picture…"):
        assert page.get_by_role("button", name=name).count() == 1


class Stoppable(demo.DemoServer):
    """A server whose end also ends the connections it holds."""

    def __init__(self, *args):
        self.connections = []
        super().__init__(*args)

    def process_request(self, request, client_address):
        self.connections.append(request)
        super().process_request(request, client_address)

    def stop(self):
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # Closed already.


@pytest.mark.parametrize("what", ["its server", "the backend behind it"])
def test_a_server_that_goes_and_comes_back(browser, server, what):
    away = Stoppable(demo.DemoConfig(port=0), server.answer, server.files)
    away.start_in_thread()
    front, port = away, away.server_address[1]
    if what == "the backend behind it":
        front = demo.start_server(demo.DemoConfig(port=0, backend=away.url))
        front.start_in_thread()
    page = browser.open(front.url)
    notice = page.locator("#notice")
    try:
        type_digits(page, "428")
        assert notice.is_hidden()
        away.stop()
        page.keyboard.type("1")
        expect(notice).to_contain_text("The model does not answer; trying again")
        assert notice.get_attribute("role") == "alert"
        assert shown(page, "#sum") == "–"  # Not that of before.
        away = Stoppable(demo.DemoConfig(port=port), server.answer, server.files)
        away.start_in_thread()
        wait_for_answer(page)
        assert notice.is_hidden()
        assert read_answer(page) == ((4, 2, 8, 1), 15)
    finally:
        page.context.close()
        for each in (front, away):
            each.shutdown()
            each.server_close()


def test_a_backend_that_refuses_access_is_not_asked_again_and_again(browser):
    questions = []

    def answer(signature, inputs):
        questions.append(signature)
        raise errors.AccessRefused("status 401, no token")

    files = served_files.find_files(str(PHOTOGRAPHS))
    with demo.DemoServer(demo.DemoConfig(port=0), answer, files) as front:
        front.start_in_thread()
        page = browser.new_page()
        page.goto(front.url)
        expected = "The model does not answer. (status 401, no token)"
        notice = page.locator("#notice")
        expect(notice).to_have_text(expected)
        page.wait_for_timeout(1500)  # It asks again every second, where it does.
        assert questions == ["serving_default"]
        with page.expect_response("**:predict"):
            page.get_by_role("button", name=re.compile("9455")).click()
        expect(notice).to_have_text(expected)
        page.wait_for_timeout(1500)
        assert questions == ["serving_default", "serving_bytes"]
        page.context.close()
        front.shutdown()


def test_a_finger_draws_on_a_phone_and_nothing_hangs_out(browser, server):
    phone = {
        "viewport": {"width": 360, "height": 740},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
    }
    page = browser.open(server.url, **phone)
    type_digits(page, "428")
    box = pad_of(page).bounding_box()
    assert box["width"] / box["height"] == pytest.approx(168 / 40, rel=0.02)
    touch = page.context.new_cdp_session(page)
    x = box["x"] + 132 / 168 * box["width"]
    for kind, share in (("Start", 0.2), ("Move", 0.5), ("Move", 0.8), ("End", None)):
        y = None if share is None else box["y"] + share * box["height"]
        points = [] if y is None else [{"x": x, "y": y}]
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": f"touch{kind}", "touchPoints": points},
        )
    expect(page.locator("#digits b").last).to_have_text("1")
    wait_for_answer(page)
    assert read_answer(page) == ((4, 2, 8, 1), 15)
    width, scroll, top = page.evaluate(
        "() => [innerWidth, document.documentElement.scrollWidth, scrollY]"
    )
    assert (width, scroll, top) == (360, 360, 0)
    for button in page.locator(".tools button").all():
        assert button.bounding_box()["height"] >= 44
    page.context.close()


@pytest.mark.parametrize("scheme, ink", [("light", "dark"), ("dark", "light")])
def test_ink_stands_out_in_light_and_dark(browser, server, scheme, ink):
    page = browser.open(server.url, color_scheme=scheme)
    draw_stroke(page, LEVEL)
    page.wait_for_timeout(100)  # Strokes show with the screen's next picture.
    colour = page.evaluate(
        """() => {
          const canvas = document.getElementById("ink");
          const x = canvas.width * 60 / 168, y = canvas.height / 2;
          return Array.from(canvas.getContext("2d").getImageData(x, y, 1, 1).data);
        }"""
    )
    assert colour[3] == 255
    assert (max(colour[:3]) < 64) if ink == "dark" else (min(colour[:3]) > 192)
    page.context.close()


def test_nothing_comes_from_elsewhere(browser, server):
    page = browser.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(server.url)
    wait_for_answer(page)
    draw(page, draw_string(0).strokes)
    assert len(asked) > 10
    assert all(url.startswith(server.url) for url in asked), asked
    assert errors == []
    page.close()
