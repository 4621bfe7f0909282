"""Answers that come when something else is on the pad."""

import pytest
from browser import read_answer, wait_for_answer

# Skips this module where there is no browser.
from page_fixtures import PHOTOGRAPHS, browser, page, server
from playwright.sync_api import expect

NINES = {
    "digits": [9] * 4,
    "digit_probabilities": [[0] * 9 + [1]] * 4,
    "sum": 36,
    "most_likely_sum": 36,
    "sum_probabilities": [0] * 36 + [1],
}


def hold_a_question(page, ask):
    """The route of the question that `ask()` makes; others go on.

    From now on, `sums` on the page has every sum that it shows.
    """
    held = []

    def hold_the_first(route):
        held.append(route)
        if len(held) > 1:
            route.continue_()

    page.route("**:predict", hold_the_first)
    with page.expect_request("**:predict"):
        ask()
    page.evaluate(
        """() => {
          const sum = document.getElementById("sum");
          window.sums = [];
          new MutationObserver(() => sums.push(sum.textContent)).observe(
            sum, { childList: true, characterData: true, subtree: true });
        }"""
    )
    return held[0]


def test_a_late_answer_is_not_shown_under_a_picture(page):
    held = hold_a_question(page, lambda: page.keyboard.type("9"))
    page.locator("#file").set_input_files(PHOTOGRAPHS / "3145_pen.jpg")
    expect(page.locator("#picture")).to_be_visible()
    held.fulfill(json={"predictions": [NINES]})
    expect(page.locator("#sum")).to_have_text("13")
    assert "36" not in page.evaluate("sums")


@pytest.mark.parametrize("key", ["Escape", "Backspace"])
def test_a_late_answer_is_not_shown_under_another_drawing(page, key):
    held = hold_a_question(page, lambda: page.keyboard.type("9"))
    page.keyboard.press(key)
    page.keyboard.type("4281")
    held.fulfill(json={"predictions": [NINES]})
    wait_for_answer(page)
    assert "36" not in page.evaluate("sums")
    assert read_answer(page) == ((4, 2, 8, 1), 15)


def test_a_late_answer_is_not_shown_under_an_example(page):
    page.evaluate("Math.random = () => 0.1")  # The example is 1111.
    held = hold_a_question(page, lambda: page.keyboard.type("9"))
    page.get_by_role("button", name="Example").click()
    held.fulfill(json={"predictions": [NINES]})
    wait_for_answer(page)
    assert "36" not in page.evaluate("sums")
    assert read_answer(page) == ((1, 1, 1, 1), 4)


def test_a_late_answer_to_an_empty_pad_is_not_shown_under_a_drawing(page):
    page.keyboard.type("1")
    wait_for_answer(page)
    held = hold_a_question(page, lambda: page.keyboard.press("Escape"))
    page.keyboard.type("4281")
    held.fulfill(json={"predictions": [NINES]})
    wait_for_answer(page)
    assert "36" not in page.evaluate("sums")
    assert read_answer(page) == ((4, 2, 8, 1), 15)


def test_a_late_answer_is_shown_while_the_same_is_drawn_on(page):
    page.keyboard.type("42")
    wait_for_answer(page)
    held = hold_a_question(page, lambda: page.keyboard.type("8"))
    page.keyboard.type("7")
    page.keyboard.press("Backspace")
    page.keyboard.type("1")
    held.fulfill(json={"predictions": [NINES]})
    wait_for_answer(page)
    assert page.evaluate("sums[0]") == "36"
    assert read_answer(page) == ((4, 2, 8, 1), 15)
