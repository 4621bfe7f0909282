"""Each kind of wear, on images that are plain enough to say what comes of them."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.data import wear_kinds


def grey(value, count=32):
    return tf.fill([count, 40, 168, 1], tf.constant(value, tf.uint8))


def test_contrast_keeps_black_below_white():
    images = tf.concat([grey(0), grey(255)], axis=2).numpy()
    worn = wear_kinds.change_contrast(tf.constant(images), [3, 4]).numpy()
    paper, ink = worn[:, :, :168], worn[:, :, 168:]
    assert paper.max() <= 60 and (paper == 0).any()
    assert (ink.min(axis=(1, 2, 3)) > paper.max(axis=(1, 2, 3)) + 60).all()


def test_blur_spreads_a_dot_without_losing_ink():
    images = np.zeros((4, 40, 168, 1), np.uint8)
    images[:, 20, 80] = 90
    worn = wear_kinds.blur(tf.constant(images), [5, 6]).numpy()
    for image in worn:
        spread = image[19:22, 79:82, 0]
        assert 0 < spread[0, 0] <= 10 <= spread[1, 1] < 90
        assert abs(int(image.sum()) - 90) <= 5  # rounding


def test_noise_has_the_stated_strength():
    worn = wear_kinds.add_noise(grey(128), [7, 8]).numpy().astype(float)
    deviations = worn.std(axis=(1, 2, 3))
    assert deviations.max() < 31 and deviations.min() < 5
    assert abs(worn.mean() - 128) < 0.5


def test_holes_blacken_and_whiten_the_stated_shares():
    worn = wear_kinds.punch_holes(grey(128, 64), [9, 10]).numpy()
    black = (worn == 0).mean(axis=(1, 2, 3))
    white = (worn == 255).mean(axis=(1, 2, 3))
    assert 0.06 < black.max() < 0.09 and 0.006 < white.max() < 0.013
    assert ((worn == 128) | (worn == 0) | (worn == 255)).all()


def test_salt_and_pepper_are_alike():
    worn = wear_kinds.salt_and_pepper(grey(128, 64), [1, 2]).numpy()
    black = (worn == 0).mean(axis=(1, 2, 3))
    white = (worn == 255).mean(axis=(1, 2, 3))
    assert 0.1 < black.max() < 0.13 and abs(black - white).max() < 0.02


def test_clouds_keep_ink_above_its_paper():
    images = np.zeros((32, 40, 168, 1), np.uint8)
    images[:, ::2] = 255
    worn = wear_kinds.cloud(tf.constant(images), [3, 4]).numpy().astype(int)
    contrast = (worn[:, ::2] - worn[:, 1::2]).mean(axis=(1, 2, 3))
    assert contrast.min() > 20 and contrast.max() == 255
    assert worn[:, 1::2].max() > 150


def test_a_stray_line_reaches_from_side_to_side():
    worn = wear_kinds.stray_line(grey(0, 40), [5, 6]).numpy()[..., 0]
    columns = (worn > 0).sum(axis=1)
    assert columns.max() <= 18 and (columns > 0).mean() > 0.6
    whole = (columns > 0).all(axis=1)
    assert 0.3 < whole.mean() < 0.95


def test_bands_are_inverted_by_their_level():
    worn = wear_kinds.negative_bands(grey(0, 40), [7, 8]).numpy()[..., 0]
    assert (worn == worn[:, :1]).all()  # whole columns
    banded = worn[:, 0] > 0
    assert banded.any(axis=1).mean() > 0.9 and banded.sum(axis=1).max() <= 48
    assert worn[worn > 0].min() >= 76 and worn.max() == 255


def test_mud_has_one_grey_per_image_and_covers_part_of_it():
    worn = wear_kinds.splash_mud(grey(0), [1, 2]).numpy()
    share = (worn > 0).mean(axis=(1, 2, 3))
    assert (share < 0.7).all() and share.max() > 0.3 and share.min() < 0.25
    full = worn.max(axis=(1, 2, 3))
    assert (full >= 25).all() and (full <= 153).all()  # 0.1 and 0.6 of 255
    # Where mud is thick, it is as grey as the image's brightest pixel.
    assert (worn == full[:, np.newaxis, np.newaxis, np.newaxis]).mean() > 0.03


def test_frosted_glass_moves_pixels_by_two_at_the_most():
    rows, columns = np.indices((40, 168), np.uint8)
    for places in (rows, columns):
        images = np.broadcast_to(places[..., np.newaxis], (4, 40, 168, 1))
        worn = wear_kinds.frost_glass(tf.constant(images), [3, 4]).numpy()
        moved = worn.astype(int) - images
        assert set(np.unique(moved)) == {-2, -1, 0, 1, 2}
        inner = moved[:, 2:-2, 2:-2]
        assert abs((inner == 0).mean() - 1 / 3) < 0.02  # two moves cancel


def test_frosted_glass_moves_down_and_right_independently():
    counts = np.zeros((5, 5), int)
    np.add.at(counts, tuple(wear_kinds._MOVES.T + 2), 1)
    ways = [1, 2, 3, 2, 1]  # to the sum of two steps of -1, 0 or 1
    np.testing.assert_array_equal(counts, np.outer(ways, ways))


@pytest.mark.parametrize(
    "inside, gain, ring_inside, ring_outside, is_thin",
    [
        (1.0, 1.5, 255, 0, False), (0.0, 1.0, 0, 170, False), (0.5, 2.0, 170, 170, False),
        (0.5, 1.0, 85, 85, True),
    ],
)  # fmt: skip
def test_outlines_are_inside_outside_or_astride(
    monkeypatch, inside, gain, ring_inside, ring_outside, is_thin
):
    as_it_was = [0.8, 1.0, 0.0, 50.0]  # not blurred, not steeper
    numbers = iter([*as_it_was, 0.2 if is_thin else 0.8, inside, gain])
    monkeypatch.setattr(wear_kinds, "per_image", lambda *args: tf.constant(next(numbers)))
    images = np.zeros((1, 40, 168, 1), np.uint8)
    images[:, 10:20, 50:60] = 170
    expected = np.zeros((1, 40, 168, 1), np.uint8)
    # The corners of the square grown by a pixel count as well, unless thin.
    expected[:, 9:21, 49:61] = ring_outside
    expected[:, 10:20, 50:60] = ring_inside
    expected[:, 11:19, 51:59] = 0
    if is_thin:
        expected[:, [9, 9, 20, 20], [49, 60, 49, 60]] = 0
    worn = wear_kinds.draw_outlines(tf.constant(images), [5, 6]).numpy()
    np.testing.assert_array_equal(worn, expected)


def test_ink_is_sharpened_before_its_outline_is_drawn(monkeypatch):
    """Grey from 100 to 104 becomes black and white: exp(4) = 54.6 times as steep."""
    images = np.zeros((1, 40, 168, 1), np.uint8)
    images[0, 20, 50:55, 0] = [100, 101, 102, 103, 104]
    for split, expected in ((101, [46, 101, 156, 210, 255]), (104, [0, 0, 0, 49, 104])):
        numbers = iter([0.8, 1.0, 4.0, split])
        monkeypatch.setattr(
            wear_kinds, "per_image", lambda *args: tf.constant(float(next(numbers)))
        )
        sharp = wear_kinds._sharpen(tf.constant(images), [1, 2]).numpy()
        np.testing.assert_array_equal(sharp[0, 20, 50:55, 0], expected)
        assert sharp.sum() == sum(expected)
    # A blurred dot has an outline of its own: 180 / 9 spread over nine pixels.
    images[0, 20, 50:55, 0] = [0, 0, 180, 0, 0]
    numbers = iter([0.2, 1.0, 0.0, 0.0])
    monkeypatch.setattr(wear_kinds, "per_image", lambda *args: tf.constant(next(numbers)))
    blurred = wear_kinds._sharpen(tf.constant(images), [1, 2]).numpy()
    assert (blurred[0, 19:22, 51:54] == 20).all() and blurred.sum() == 180
