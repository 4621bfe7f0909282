"""A real browser for the tests of the page, and a hand that draws in it."""

import os
import shutil

from playwright.sync_api import Locator, Page, sync_playwright
from stroke_paths import HEIGHT, WIDTH

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> str | None:
    """The path of a Chromium: of `CHROMIUM`, else of the first on `PATH`."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A headless Chromium; use it in a `with` statement."""

    def __enter__(self):
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=find_browser(), args=FLAGS
            )
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def __exit__(self, *error):
        self._browser.close()
        self._playwright.stop()

    def new_page(self, **options) -> Page:
        """An empty page; `options` are those of `open`."""
        return self._browser.new_context(**options).new_page()

    def open(self, url: str, **options) -> Page:
        """A page of its own, ready to draw on.

        Args:
            url: of the page.
            options: of Playwright's `new_context`.
        """
        page = self.new_page(**options)
        page.bring_to_front()  # else keys may be lost while another page closes
        page.goto(url)
        wait_for_answer(page)
        return page


def pad_of(page: Page) -> Locator:
    return page.locator("#pad")


def draw_stroke(page: Page, stroke) -> None:
    """Moves the mouse along a stroke, `[n, 2]` in units of 168x40."""
    box = pad_of(page).bounding_box()
    places = [
        (box["x"] + x / WIDTH * box["width"], box["y"] + y / HEIGHT * box["height"])
        for x, y in stroke
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def wait_for_answer(page: Page, seconds: float = 30) -> None:
    """Waits until what is on the pad now has been answered."""
    version = pad_of(page).get_attribute("data-version")
    answer = page.locator(f'#answer[data-version="{version}"]')
    answer.wait_for(timeout=1000 * seconds)


def draw(page: Page, strokes) -> None:
    """Clears the pad, draws strokes on it, and waits for the answer."""
    page.keyboard.press("Escape")
    for stroke in strokes:
        draw_stroke(page, stroke)
    wait_for_answer(page)


def read_answer(page: Page) -> tuple[tuple[int, ...], int]:
    """The digits and the sum that the page shows."""
    digits = page.locator("#digits b").all_inner_texts()
    return tuple(map(int, digits)), int(page.locator("#sum").inner_text())
