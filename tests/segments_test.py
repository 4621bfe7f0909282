"""Images are cut where no ink is, and what is cut is set apart, pixel for pixel."""

import numpy as np
import pytest

from mnist_sum_tf import config
from mnist_sum_tf.data import segments


def box(height, width, ink=200):
    return np.full((height, width), ink, np.uint8)


def image_of(*placed):
    """An image of pieces, each with its row and column."""
    image = np.zeros((40, 168), np.uint8)
    for piece, row, column in placed:
        height, width = piece.shape
        image[row : row + height, column : column + width] = piece
    return image


FOUR = (
    (box(20, 4), 3, 0),
    (box(20, 6), 7, 5),
    (box(12, 12), 0, 40),
    (box(18, 8), 22, 160),
)


def test_runs_of_columns_with_ink():
    image = np.zeros((3, 12), np.uint8)
    image[0, 0:2] = 255
    image[2, 4] = 41
    image[1, 5] = 41
    image[1, 7] = 40  # dirt on the paper
    image[:, 10:] = 90
    assert segments.ink_runs(image) == [(0, 2), (4, 6), (10, 12)]
    assert segments.ink_runs(np.zeros((3, 12), np.uint8)) == []


def test_digits_are_cut_in_reading_order_and_centred():
    rows, digits = segments.cut_images(np.stack([image_of(*FOUR)]))
    assert rows.tolist() == [0]
    expected = np.zeros((4, 28, 28), np.uint8)
    expected[0, 4:24, 12:16] = 200
    expected[1, 4:24, 11:17] = 200
    expected[2, 8:20, 8:20] = 200
    expected[3, 5:23, 10:18] = 200
    np.testing.assert_array_equal(digits[0], expected)
    assert digits.dtype == np.uint8


def test_faint_pixels_within_a_digit_are_kept():
    piece = box(20, 6)
    piece[5, 2] = 17
    _, digits = segments.cut_images(np.stack([image_of((piece, 3, 30), *FOUR[1:])]))
    assert digits[0, 1, 9, 13] == 17


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        FOUR[:3],
        (*FOUR, (box(20, 4), 0, 100)),
        (*FOUR, (box(6, 4), 0, 100)),
        ((box(11, 4), 0, 0), *FOUR[1:]),  # under 0.6 of 20: half a digit
        ((box(5, 4), 0, 0), *FOUR[1:]),
        (*FOUR[:2], (box(20, 34), 0, 40), FOUR[3]),  # two that touch
        ((box(20, 5), 3, 0), *FOUR[1:]),  # the first two touch
        [(box(9, 9), 3, column) for column in (0, 40, 80, 120)],  # dirt
    ],
)
def test_others_are_left_out(pieces):
    rows, digits = segments.cut_images(np.stack([image_of(*pieces), image_of(*FOUR)]))
    assert rows.tolist() == [1]
    assert digits.shape == (1, 4, 28, 28)


def test_specks_are_passed_over():
    specks = (box(5, 1), 3, 30), (box(1, 5), 9, 120)
    rows, digits = segments.cut_images(np.stack([image_of(*FOUR, *specks)]))
    assert rows.tolist() == [0]
    _, without = segments.cut_images(np.stack([image_of(*FOUR)]))
    np.testing.assert_array_equal(digits, without)


def test_none_that_can_be_cut():
    rows, digits = segments.cut_images(np.zeros((2, 40, 168), np.uint8))
    assert rows.dtype == np.int64 and rows.shape == (0,)
    assert digits.shape == (0, 4, 28, 28)


def test_a_digit_larger_than_those_of_mnist_is_shrunk():
    piece = np.zeros((40, 20), np.uint8)
    piece[:, :10] = 240
    piece[:2, 10:] = 80
    digit = segments.centered(piece)
    expected = np.zeros((28, 28), np.uint8)
    expected[4:24, 9:14] = 240
    expected[4, 14:19] = 80
    np.testing.assert_array_equal(digit, expected)


def test_of_an_odd_margin_the_larger_half_is_below_and_to_the_right():
    """9 rows are left of 28, and 23 columns."""
    expected = np.zeros((28, 28), np.uint8)
    expected[4:23, 11:16] = 200
    np.testing.assert_array_equal(segments.centered(box(19, 5)), expected)


def test_digits_are_set_in_the_middles_of_cells():
    digits = np.arange(4 * 28 * 28, dtype=np.uint64).reshape(1, 4, 28, 28)
    digits = (digits % 251).astype(np.uint8)
    image = segments.set_apart(digits)
    assert image.shape == (1, 40, 168, 1)
    expected = np.zeros((40, 168), np.uint8)
    for slot in range(4):
        left = 42 * slot + 7
        expected[6:34, left : left + 28] = digits[0, slot]
    np.testing.assert_array_equal(image[0, ..., 0], expected)


def test_what_was_cut_and_set_apart_is_cut_alike():
    _, digits = segments.cut_images(np.stack([image_of(*FOUR)]))
    rows, again = segments.cut_images(segments.set_apart(digits)[..., 0])
    assert rows.tolist() == [0]
    np.testing.assert_array_equal(again, digits)


def test_deformed_digits_stay_in_their_cells():
    digits = np.zeros((64, 4, 28, 28), np.uint8)
    digits[np.arange(64), np.arange(64) % 4, 4:24, 4:24] = 255
    images = segments.deformed_and_set_apart(digits, [3, 5]).numpy()
    cells = images.reshape(64, 40, 4, config.CELL_WIDTH)
    ink = cells.sum(axis=(1, 3), dtype=np.int64)
    own = ink[np.arange(64), np.arange(64) % 4]
    np.testing.assert_array_equal(ink.sum(axis=1), own)
    assert own.min() > 255 * 200
    same = (images == segments.set_apart(digits)).all(axis=(1, 2, 3))
    assert 2 < same.sum() < 32  # a sixth are not deformed, see `image_strength`
    again = segments.deformed_and_set_apart(digits, [3, 5]).numpy()
    np.testing.assert_array_equal(again, images)
    other = segments.deformed_and_set_apart(digits, [3, 6]).numpy()
    assert (other != images).any()
