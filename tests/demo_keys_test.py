"""The page's keys, wherever the focus is."""

import pytest
from browser import pad_of, read_answer, wait_for_answer

# Skips this module where there is no browser.
from page_fixtures import browser, page, server, type_digits
from playwright.sync_api import expect


def shown_ink(page) -> str:
    """The pad's canvas as a PNG, once the strokes of now show on it."""
    return page.evaluate(
        """async () => {
          await new Promise(requestAnimationFrame);
          return document.getElementById("ink").toDataURL();
        }"""
    )


def test_keys_draw_undo_and_clear(page):
    type_digits(page, "4281")
    assert read_answer(page) == ((4, 2, 8, 1), 15)
    page.keyboard.press("Control+Shift+Z")  # redo elsewhere
    assert read_answer(page) == ((4, 2, 8, 1), 15)
    page.keyboard.press("Control+z")
    page.keyboard.type("7")
    wait_for_answer(page)
    assert read_answer(page) == ((4, 2, 8, 7), 21)
    page.keyboard.type("777")
    assert "no room" in page.locator("#notice").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#sum").inner_text() == "–"
    assert page.locator("#notice").is_hidden()


def test_keys_work_after_a_click_on_a_button(page):
    page.get_by_role("button", name="Example").click()
    wait_for_answer(page)
    assert page.locator(":focus").get_attribute("id") == "example"
    page.keyboard.press("Escape")
    expect(page.locator("#sum")).to_have_text("–")
    type_digits(page, "4289")
    page.get_by_role("button", name="Undo").click()
    assert page.locator(":focus").get_attribute("id") == "undo"
    type_digits(page, "1")
    assert read_answer(page) == ((4, 2, 8, 1), 15)
    page.keyboard.press("Enter")  # The button's own key.
    page.keyboard.press("Backspace")
    type_digits(page, "71")
    assert read_answer(page) == ((4, 2, 7, 1), 14)


@pytest.mark.parametrize("key", ["Backspace", "Escape"])
def test_undo_and_clear_end_a_stroke_that_is_being_drawn(page, key):
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    type_digits(page, "428")
    before = shown_ink(page)
    box = pad_of(page).bounding_box()
    across = [box["x"] + share * box["width"] for share in (0.1, 0.5, 0.9)]
    page.mouse.move(across[0], box["y"] + 5)
    page.mouse.down()
    page.mouse.move(across[1], box["y"] + 5)
    page.keyboard.press(key)
    page.mouse.move(across[2], box["y"] + 5)
    page.mouse.up()
    wait_for_answer(page)
    assert errors == []
    if key == "Escape":
        assert page.locator("#sum").inner_text() == "–"
    else:
        assert shown_ink(page) == before


def test_everything_is_reached_by_tab_and_shows_it(page):
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        reached.append(focus.get_attribute("id"))
        assert focus.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        if reached[-1] == "pad":
            type_digits(page, "1")  # Undo and Clear can be used now.
    assert reached == ["pad", "undo", "clear", "example"]
    page.keyboard.press("Enter")
    wait_for_answer(page)
    assert len(read_answer(page)[0]) == 4
    page.keyboard.press("Tab")
    assert page.locator(":focus").get_attribute("id") == "open"
