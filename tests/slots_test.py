"""Which digit each slot reads, on answers worked out by hand."""

import numpy as np

from mnist_sum_tf import slots
from mnist_sum_tf.evaluation_tables import format_slots

DIGITS = np.array([[1, 2, 3, 4], [5, 5, 0, 9]])


def test_slots_in_reading_order():
    evaluated = slots.evaluate_slots(DIGITS, DIGITS)
    assert evaluated["same_digits_any_order"] == 1.0
    # The two fives of the second image agree with each other's place.
    assert evaluated["agreement"] == [
        [1.0, 0.5, 0.0, 0.0],
        [0.5, 1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
    assert slots.reads_in_order(evaluated)


def test_equal_digits_of_an_only_image_are_in_order():
    digits = np.array([[4, 4, 6, 6]])
    assert slots.reads_in_order(slots.evaluate_slots(digits, digits))
    assert not slots.reads_in_order(slots.evaluate_slots(digits, digits[:, ::-1]))


def test_a_place_may_agree_better_with_another_slot():
    """The second slot agrees with the first digit more than the first slot does."""
    agreement = [[0.6, 0.5, 0, 0], [0.7, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert slots.reads_in_order({"agreement": agreement})


def test_slots_in_another_order():
    evaluated = slots.evaluate_slots(DIGITS, DIGITS[:, ::-1])
    assert evaluated["same_digits_any_order"] == 1.0
    assert evaluated["agreement"][0] == [0.0, 0.0, 0.0, 1.0]
    assert evaluated["agreement"][3] == [1.0, 0.5, 0.0, 0.0]
    assert not slots.reads_in_order(evaluated)


def test_a_slot_that_follows_a_digit_without_agreeing():
    read = np.array([[0, 7, 3, 9], [4, 7, 0, 4]])
    correlation = slots.evaluate_slots(DIGITS, read)["correlation"]
    assert correlation[0] == [1.0, 1.0, -1.0, 1.0]  # one less than digit 1
    assert correlation[1] == [0.0] * 4  # always 7
    assert correlation[3] == [-1.0, -1.0, 1.0, -1.0]


def test_the_table_of_slots():
    table = format_slots("sums", slots.evaluate_slots(DIGITS, DIGITS[:, ::-1]))
    assert table.splitlines()[0].split() == (
        "sums: agrees with digit 1 digit 2 digit 3 digit 4 "
        "correlation 1 correlation 2 correlation 3 correlation 4".split()
    )
    assert table.splitlines()[1].split() == (
        "slot 1 0.00% 0.00% 0.00% 100.00% 1.00 1.00 -1.00 1.00".split()
    )
    assert table.endswith("the four digits in some order: 100.00%")


def test_slots_that_are_no_digits():
    shares = np.array([[2, 2, 3, 3], [4, 5, 5, 5]])  # the same sums, 10 and 19
    evaluated = slots.evaluate_slots(DIGITS, shares)
    assert evaluated["same_digits_any_order"] == 0.0
    assert evaluated["agreement"] == [
        [0.0, 0.5, 0.0, 0.0],
        [0.5, 1.0, 0.0, 0.0],
        [0.5, 0.5, 0.5, 0.0],
        [0.5, 0.5, 0.5, 0.0],
    ]
    assert not slots.reads_in_order(evaluated)
