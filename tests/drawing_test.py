"""Digits and a placement become these very pixels."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.data import drawing, handwriting, layouts


def straight(center_x, center_y, width, height, overlap):
    return layouts.Placement(
        center_x=tf.constant([center_x], tf.float32),
        center_y=tf.constant([center_y], tf.float32),
        width=tf.fill([1, 4], float(width)),
        height=tf.fill([1, 4], float(height)),
        rotation_degrees=tf.zeros([1, 4]),
        shear=tf.zeros([1, 4]),
        overlap=tf.constant([overlap]),
    )


def draw(digits, placement):
    images = drawing.compose(digits[np.newaxis], placement, [0, 0])
    assert images.shape == (1, 40, 168, 1) and images.dtype == tf.uint8
    return images[0, ..., 0].numpy()


def test_unscaled_digits_keep_every_pixel(digit_images):
    rng = np.random.default_rng(0)
    digits = rng.integers(0, 256, (4, 28, 28), dtype=np.uint8)
    lefts, tops = [0, 40, 80, 140], [0, 12, 3, 7]
    expected = np.zeros((40, 168), np.uint8)
    for digit, left, top in zip(digits, lefts, tops):
        expected[top : top + 28, left : left + 28] = digit
    placement = straight(np.add(lefts, 14), np.add(tops, 14), 28, 28, layouts.BRIGHTEST)
    np.testing.assert_array_equal(draw(digits, placement), expected)


@pytest.mark.parametrize(
    "overlap, meeting",
    [
        (layouts.KEEP_EARLIER, 200),
        (layouts.BRIGHTEST, 220),
        (layouts.WRAP_AROUND, (200 + 220) % 256),
    ],
)
def test_where_ink_meets(overlap, meeting):
    digits = np.zeros((4, 28, 28), np.uint8)
    digits[0, 10:20, 10:20], digits[1, 10:20, 10:20] = 200, 220
    placement = straight([20, 26, 100, 130], [14] * 4, 28, 28, overlap)
    image = draw(digits, placement)
    # Boxes begin at 6 and 12: ink from 16 to 26 and from 22 to 32.
    np.testing.assert_array_equal(image[15, 16:22], [200] * 6)
    np.testing.assert_array_equal(image[15, 22:26], [meeting] * 4)
    np.testing.assert_array_equal(image[15, 26:32], [220] * 6)
    assert not image[:, 32:].any()


def test_doubling_a_digit_interpolates_between_its_pixels():
    digits = np.zeros((4, 28, 28), np.uint8)
    digits[0, 14, 14] = 160
    placement = straight([30, 60, 90, 120], [20] * 4, 56, 56, layouts.BRIGHTEST)
    image = draw(digits, placement)
    # Pixel 14 of 28 becomes 28 and 29 of 56, with 3/4 of its value, and 1/4
    # beside them; the box begins at 30 - 28 = 2 across and 20 - 28 = -8 down.
    row = np.array([0.25, 0.75, 0.75, 0.25])
    expected = np.floor(160 * row[:, np.newaxis] * row)
    np.testing.assert_array_equal(image[19:23, 29:33], expected)
    assert image.sum() == expected.sum()


def test_digits_are_as_wide_and_as_high_as_they_are_placed():
    """42x14 around (30, 20)."""
    digits = np.full((4, 28, 28), 255, np.uint8)
    digits[1:] = 0
    image = draw(digits, straight([30, 60, 90, 120], [20] * 4, 42, 14, 1))
    rows, columns = np.nonzero(image > 127)
    assert sorted(set(columns)) == list(range(9, 51))
    assert sorted(set(rows)) == list(range(13, 27))


def test_a_quarter_turn_is_clockwise():
    digits = np.zeros((4, 28, 28), np.uint8)
    digits[0, 2, 13:15] = 255  # a mark at the top
    placement = straight([50, 80, 110, 140], [20] * 4, 28, 28, 1)
    turned = placement._replace(rotation_degrees=tf.fill([1, 4], 90.0))
    rows, columns = np.nonzero(draw(digits, turned) > 128)
    # Twelve pixels above the centre (50, 20) become twelve to the right of it.
    assert set(columns) == {61} and set(rows) == {19, 20}


def test_shear_leans_the_top_to_the_right():
    digits = np.zeros((4, 28, 28), np.uint8)
    digits[0, 4:24, 13:15] = 255
    placement = straight([50, 80, 110, 140], [20] * 4, 28, 28, 1)
    image = draw(digits, placement._replace(shear=tf.fill([1, 4], 0.5)))
    columns = np.arange(168)
    top = np.average(columns, weights=image[11])
    bottom = np.average(columns, weights=image[28])
    assert abs((top - bottom) - 0.5 * 17) < 0.02


def test_displacement_moves_ink_by_no_more_than_its_amplitude():
    digits = np.zeros((4, 28, 28), np.uint8)
    digits[:, 14, 14] = 255
    placement = straight([20, 60, 100, 140], [20] * 4, 28, 28, 1)
    deformed = placement._replace(elastic_pixels=tf.constant([[0.0, 2.0, 2.0, 2.0]]))
    still, image = draw(digits, placement), draw(digits, deformed)
    np.testing.assert_array_equal(image[:, :40], still[:, :40])
    assert (image[:, 40:] != still[:, 40:]).any()
    rows, columns = np.nonzero(image)
    assert abs(rows - 20).max() <= 3
    assert abs(np.subtract.outer(columns, [20, 60, 100, 140])).min(1).max() <= 3


def test_displacements_are_spread_over_the_box_as_it_is_drawn():
    """Of 42x21 the grid's four points are 14 columns and 7 rows apart."""
    displacements = tf.reshape(tf.range(4 * 2 * 4 * 4, dtype=tf.float32), [4, 2, 4, 4])
    placement = straight([24.5] * 4, [20] * 4, 42, 21, 1)
    tile_left = tf.zeros([1, 4], tf.int32)
    _, spread = drawing._columns(placement, tile_left, displacements)
    field = handwriting.displacement_field(*spread).numpy()
    found = field[:, :, [[9], [16], [23], [30]], [3, 17, 31, 45]]
    expected = np.swapaxes(displacements.numpy(), 2, 3)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_last_images_can_take_the_nearest_pixel():
    digits = np.zeros((2, 4, 28, 28), np.uint8)
    digits[:, 0, 14, 14] = 160
    one = straight([20.25, 60, 90, 120], [20] * 4, 28, 28, layouts.BRIGHTEST)
    both = layouts.Placement(
        *(None if f is None else tf.concat([f, f], axis=0) for f in one)
    )
    images = drawing.compose(digits, both, [0, 0], nearest_images=1)[..., 0]
    # The pixel's middle is at 20.25 + 0.5: a quarter of it on its neighbour.
    np.testing.assert_array_equal(images[0, 20, 19:23], [0, 120, 40, 0])
    np.testing.assert_array_equal(images[1, 20, 19:23], [0, 160, 0, 0])


def test_ink_left_of_the_canvas_is_pressed_against_its_border():
    digits = np.zeros((4, 28, 28), np.uint8)
    digits[0, 10, 2:6] = [50, 60, 70, 80]
    digits[0, 11, 5] = 90
    placement = straight([10, 80, 110, 140], [14] * 4, 28, 28, 0)
    image = draw(digits, placement)
    # The box begins at -4: pixels 2, 3 and 4 fall on column 0, the first stays.
    np.testing.assert_array_equal(image[10, :4], [50, 80, 0, 0])
    np.testing.assert_array_equal(image[11, :4], [0, 90, 0, 0])


def test_ink_that_is_not_pressed_leaves_the_canvas():
    digits = np.zeros((4, 28, 28), np.uint8)
    digits[0, 10, 2:6] = [50, 60, 70, 80]
    placement = straight([10, 80, 110, 140], [14] * 4, 28, 28, 1)
    np.testing.assert_array_equal(draw(digits, placement)[10, :3], [70, 80, 0])


def test_digits_may_stand_anywhere_and_over_any_border():
    """A tile is a ring: each beginning turns it another way."""
    rng = np.random.default_rng(0)
    digit = rng.integers(1, 256, (28, 28), dtype=np.uint8)
    blank = np.zeros_like(digit)
    for left in range(-30, 170, 3):
        expected = np.zeros((40, 60 + 168 + 60), np.uint8)
        expected[6:34, 60 + left : 60 + left + 28] = digit
        for number in range(4):  # whichever of the four it is
            digits = np.stack([digit if i == number else blank for i in range(4)])
            across = [left + 14 if i == number else 84 for i in range(4)]
            placement = straight(across, [20] * 4, 28, 28, layouts.BRIGHTEST)
            np.testing.assert_array_equal(draw(digits, placement), expected[:, 60:228])


def test_ink_boxes():
    digits = np.zeros((1, 4, 28, 28), np.uint8)
    digits[0, 0, 3:20, 5:9] = 1
    digits[0, 1, 27, 0] = 255
    digits[0, 2] = 7
    np.testing.assert_array_equal(
        drawing.ink_boxes(digits)[0],
        [[5, 9, 3, 20], [0, 1, 27, 28], [0, 28, 0, 28], [0, 28, 0, 28]],
    )
