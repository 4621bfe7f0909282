"""Changes of whole images, on dots and bars whose new place can be worked out."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.data import augmentation

SETTINGS = (
    "ACROSS_PIXELS",
    "DOWN_PIXELS",
    "ROTATION_DEGREES",
    "SHEAR",
    "LOG_WIDTH",
    "LOG_HEIGHT",
)


def dot(row, column):
    image = np.zeros((1, 40, 168, 1), np.uint8)
    image[0, row, column] = 200
    return image


def moved(image, **changes):
    """The image after changes in [-1, 1] of those names, without displacements."""
    numbers = [[changes.get(name, 0.0)] for name in SETTINGS]
    place, *shares = augmentation._places(
        tf.constant(numbers), tf.zeros([2, 1, 40, 168])
    )
    packed = augmentation.drawing.packed_neighbours(image[..., 0])
    looked_up = tf.gather(tf.reshape(packed, [-1]), place)
    return augmentation.drawing.interpolate(looked_up, *shares).numpy()[0]


def test_no_change_keeps_every_pixel():
    noise = np.random.default_rng(0).integers(0, 256, (1, 40, 168, 1), np.uint8)
    np.testing.assert_array_equal(moved(noise), noise[0, ..., 0])


@pytest.mark.parametrize(
    ("changes", "row", "column"),
    [
        ({"ACROSS_PIXELS": 1}, 10, 54),
        ({"ACROSS_PIXELS": -0.5, "DOWN_PIXELS": 1}, 13, 48),
        ({"DOWN_PIXELS": -1}, 7, 50),
    ],
)
def test_moves_by_whole_pixels(changes, row, column):
    np.testing.assert_array_equal(
        moved(dot(10, 50), **changes), dot(row, column)[0, ..., 0]
    )


def centre(image):
    """The middle of the ink from the canvas' middle, (across, down) in pixels."""
    rows, columns = np.indices(image.shape)
    ink = image / image.sum()
    return (ink * columns).sum() - 83.5, (ink * rows).sum() - 19.5


@pytest.mark.parametrize(
    ("changes", "across", "down"),
    [
        # A point 70.5 px right of the middle and 9.5 above it.
        ({}, 70.5, -9.5),
        # Clockwise: cos 2° 70.5 + sin 2° 9.5, sin 2° 70.5 - cos 2° 9.5.
        ({"ROTATION_DEGREES": 1}, 70.79, -7.03),
        # What stands above the middle leans to the right.
        ({"SHEAR": 1}, 70.5 + 0.25 * 9.5, -9.5),
        ({"LOG_WIDTH": 1}, 70.5 * np.exp(0.08), -9.5),
        ({"LOG_HEIGHT": -1}, 70.5, -9.5 * np.exp(-0.12)),
    ],
)
def test_turns_leans_and_scales_about_the_middle(changes, across, down):
    np.testing.assert_allclose(
        centre(moved(dot(10, 154), **changes)), (across, down), atol=0.1
    )


def test_ink_that_leaves_is_gone():
    assert moved(dot(10, 166), ACROSS_PIXELS=1).max() == 0
    assert moved(dot(1, 50), DOWN_PIXELS=-1).max() == 0


def test_a_sixth_stays_and_none_moves_further_than_it_may():
    images = np.repeat(dot(20, 84), 600, axis=0)
    images[:, 19:22, 83:86] = 200
    augment = tf.function(augmentation.augment_images)
    changed = augment(tf.constant(images), tf.constant([3, 4])).numpy()
    same = (changed == images).all(axis=(1, 2, 3))
    assert 1 / 6 - 0.05 < same.mean() < 1 / 6 + 0.05
    ink = np.argwhere(changed[..., 0] > 0)
    # Shift, displacement, half of the three pixels at their largest and a soft edge.
    assert abs(ink[:, 2] - 84).max() <= 4 + 2.2 + 1.5 * 1.25 + 1
    assert abs(ink[:, 1] - 20).max() <= 3 + 2.2 + 1.5 * 1.25 + 1
    again = augmentation.augment_images(tf.constant(images), [3, 4])
    np.testing.assert_array_equal(changed, again)
    other = augmentation.augment_images(tf.constant(images), [3, 5])
    assert (changed != other.numpy()).any()


def test_no_change_depends_on_another(monkeypatch):
    asked = []

    def record(changes, displacements):
        asked.extend(changes.numpy())
        place = tf.zeros(displacements.shape[1:], tf.int32)
        return place, tf.zeros([]), tf.zeros([])

    def record_stroke(pixels, stroke):
        asked.append(stroke.numpy())
        return pixels

    monkeypatch.setattr(augmentation, "_places", record)
    monkeypatch.setattr(augmentation.drawing, "change_stroke", record_stroke)
    augmentation.augment_images(tf.zeros([400, 40, 168, 1], tf.uint8), [1, 2])
    assert len(asked) == 7
    np.testing.assert_allclose(np.corrcoef(asked), np.eye(7), atol=0.2)


def test_strokes_become_thicker_and_thinner(monkeypatch):
    """A bar of 100 x 4 pixels, at most half of a pixel more or less on each side."""
    for name in (*SETTINGS, "ELASTIC_PIXELS"):
        monkeypatch.setattr(augmentation, name, 0.0)
    monkeypatch.setattr(augmentation, "_places", augmentation._places.__wrapped__)
    images = np.zeros((200, 40, 168, 1), np.uint8)
    images[:, 18:22, 30:130] = 200
    changed = augmentation.augment_images(tf.constant(images), [1, 2]).numpy()
    heights = changed[:, :, 80, 0].sum(axis=1) / 200
    assert 4 - 1.01 <= heights.min() < 3.2 and 4.8 < heights.max() <= 5.01
