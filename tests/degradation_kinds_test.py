"""Each kind of degradation, on images that are plain enough to say what comes of them."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.data import degradation_kinds as kinds
from mnist_sum_tf.data import outlines


def grey(value, count=32):
    return tf.fill([count, 40, 168, 1], tf.constant(value, tf.uint8))


def degraded_by(kind, images, seed):
    plan = [(kind, images.shape[0])]
    return kind(images, *kinds.split_by_kind(kinds.draw(plan, seed), plan)).numpy()


def of_one_image(*per_image):
    """The numbers of one image; those it does not name are 0."""
    numbers = np.zeros([12, 1, 1, 1, 1], np.float32)
    numbers[: len(per_image)] = np.reshape(per_image, [-1, 1, 1, 1, 1])
    return tf.constant(numbers)


def test_contrast_keeps_black_below_white():
    images = tf.concat([grey(0), grey(255)], axis=2).numpy()
    degraded = degraded_by(kinds.change_contrast, tf.constant(images), [3, 4])
    paper, ink = degraded[:, :, :168], degraded[:, :, 168:]
    assert paper.max() <= 60 and (paper == 0).any()
    assert (ink.min(axis=(1, 2, 3)) > paper.max(axis=(1, 2, 3)) + 60).all()


def test_blur_spreads_a_dot_without_losing_ink():
    images = np.zeros((4, 40, 168, 1), np.uint8)
    images[:, 20, 80] = 90
    degraded = degraded_by(kinds.blur, tf.constant(images), [5, 6])
    for image in degraded:
        spread = image[19:22, 79:82, 0]
        assert 0 < spread[0, 0] <= 10 <= spread[1, 1] < 90
        assert abs(int(image.sum()) - 90) <= 5  # rounding


def test_noise_has_the_stated_strength():
    degraded = degraded_by(kinds.add_noise, grey(128), [7, 8]).astype(float)
    deviations = degraded.std(axis=(1, 2, 3))
    assert deviations.max() < 31 and deviations.min() < 5
    assert abs(degraded.mean() - 128) < 0.5


def test_holes_blacken_and_whiten_the_stated_shares():
    degraded = degraded_by(kinds.punch_holes, grey(128, 64), [9, 10])
    black = (degraded == 0).mean(axis=(1, 2, 3))
    white = (degraded == 255).mean(axis=(1, 2, 3))
    assert 0.06 < black.max() < 0.09 and 0.006 < white.max() < 0.013
    assert ((degraded == 128) | (degraded == 0) | (degraded == 255)).all()


def test_salt_and_pepper_are_alike():
    degraded = degraded_by(kinds.salt_and_pepper, grey(128, 64), [1, 2])
    black = (degraded == 0).mean(axis=(1, 2, 3))
    white = (degraded == 255).mean(axis=(1, 2, 3))
    assert 0.1 < black.max() < 0.13 and abs(black - white).max() < 0.02


def test_clouds_keep_ink_above_its_paper():
    images = np.zeros((32, 40, 168, 1), np.uint8)
    images[:, ::2] = 255
    degraded = degraded_by(kinds.cloud, tf.constant(images), [3, 4]).astype(int)
    contrast = (degraded[:, ::2] - degraded[:, 1::2]).mean(axis=(1, 2, 3))
    assert contrast.min() > 20 and contrast.max() == 255
    assert degraded[:, 1::2].max() > 150


def test_a_stray_line_reaches_from_side_to_side():
    degraded = degraded_by(kinds.stray_line, grey(0, 40), [5, 6])[..., 0]
    columns = (degraded > 0).sum(axis=1)
    assert columns.max() <= 18 and (columns > 0).mean() > 0.6
    whole = (columns > 0).all(axis=1)
    assert 0.3 < whole.mean() < 0.95


def test_a_wave_swings_between_one_and_minus_one_as_a_sine_does():
    phase = tf.constant([0.0, 0.25, 0.5, 0.75, 1.0, -7.75]) * 2 * np.pi
    expected = [0, -1, 0, 1, 0, -1]
    np.testing.assert_allclose(kinds._wave(phase), expected, atol=1e-5)
    phase = np.linspace(-20, 20, 1000, dtype=np.float32)
    assert np.abs(kinds._wave(phase) + np.sin(phase)).max() < 0.06


def test_a_dotted_line_has_gaps_of_two_pixels():
    # Level in row 20, two pixels to either side; every round(3 + 5 / 2)-th column on.
    numbers = of_one_image(0.5, 0.5, 0.0, 0.0, 0.4, 0.4, 0.1)
    degraded = kinds.stray_line(grey(0, 1), kinds.RandomNumbers(numbers, None))
    columns = np.arange(168)
    np.testing.assert_array_equal(degraded[0, 20, :, 0] > 0, columns % 5 >= 2)
    np.testing.assert_array_equal(degraded[0, 18:23, 2, 0], [0, 102, 255, 102, 0])


def test_bands_are_inverted_by_their_level():
    degraded = degraded_by(kinds.negative_bands, grey(0, 40), [7, 8])[..., 0]
    assert (degraded == degraded[:, :1]).all()  # whole columns
    banded = degraded[:, 0] > 0
    assert banded.any(axis=1).mean() > 0.9 and banded.sum(axis=1).max() <= 48
    assert degraded[degraded > 0].min() >= 76 and degraded.max() == 255


def test_mud_has_one_grey_per_image_and_covers_part_of_it():
    degraded = degraded_by(kinds.splash_mud, grey(0), [1, 2])
    share = (degraded > 0).mean(axis=(1, 2, 3))
    assert (share < 0.75).all() and share.max() > 0.3 and share.min() < 0.25
    full = degraded.max(axis=(1, 2, 3))
    assert (full >= 25).all() and (full <= 153).all()  # 0.1 and 0.6 of 255
    # Where mud is thick, it is as grey as the image's brightest pixel.
    assert (degraded == full[:, np.newaxis, np.newaxis, np.newaxis]).mean() > 0.03


def test_frosted_glass_moves_pixels_by_two_at_the_most():
    rows, columns = np.indices((40, 168), np.uint8)
    for places in (rows, columns):
        images = np.broadcast_to(places[..., np.newaxis], (4, 40, 168, 1))
        degraded = degraded_by(kinds.frost_glass, tf.constant(images), [3, 4])
        moved = degraded.astype(int) - images
        assert set(np.unique(moved)) == {-2, -1, 0, 1, 2}
        inner = moved[:, 2:-2, 2:-2]
        assert abs((inner == 0).mean() - 1 / 3) < 0.02  # two moves cancel


def test_frosted_glass_moves_down_and_right_independently():
    counts = np.zeros((5, 5), int)
    np.add.at(counts, tuple(kinds._MOVES.T + 2), 1)
    ways = [1, 2, 3, 2, 1]  # to the sum of two steps of -1, 0 or 1
    np.testing.assert_array_equal(counts, np.outer(ways, ways))


@pytest.mark.parametrize(
    "inside, gain, ring_inside, ring_outside, is_thin",
    [
        (1.0, 1.5, 255, 0, False),
        (0.0, 1.0, 0, 170, False),
        (0.5, 2.0, 170, 170, False),
        (0.5, 1.0, 85, 85, True),
    ],
)
def test_outlines_are_inside_outside_or_astride(
    inside, gain, ring_inside, ring_outside, is_thin
):
    as_it_was = [0.8, 0.0, 0.0, 0.0]  # not blurred, not steeper
    numbers = of_one_image(
        *as_it_was, 0.2 if is_thin else 0.8, (inside + 0.5) / 2, (gain - 1) / 2
    )
    images = np.zeros((1, 40, 168, 1), np.uint8)
    images[:, 10:20, 50:60] = 170
    expected = np.zeros((1, 40, 168, 1), np.uint8)
    # The corners of the square grown by a pixel count as well, unless thin.
    expected[:, 9:21, 49:61] = ring_outside
    expected[:, 10:20, 50:60] = ring_inside
    expected[:, 11:19, 51:59] = 0
    if is_thin:
        expected[:, [9, 9, 20, 20], [49, 60, 49, 60]] = 0
    degraded = outlines.draw_outlines(
        tf.constant(images), kinds.RandomNumbers(numbers, None)
    )
    np.testing.assert_array_equal(degraded, expected)


def test_ink_is_sharpened_before_its_outline_is_drawn():
    """Grey from 100 to 104 becomes black and white: exp(4) = 54.6 times as steep."""
    images = np.zeros((1, 40, 168, 1), np.uint8)
    images[0, 20, 50:55, 0] = [100, 101, 102, 103, 104]
    for split, expected in ((101, [46, 101, 156, 210, 255]), (104, [0, 0, 0, 49, 104])):
        numbers = of_one_image(0.8, 0.0, 1.0, (split - 10) / 120)
        sharp = outlines._sharpen(tf.constant(images), numbers[:4]).numpy()
        np.testing.assert_array_equal(sharp[0, 20, 50:55, 0], expected)
        assert sharp.sum() == sum(expected)
    # A blurred dot has an outline of its own: 180 / 9 spread over nine pixels.
    images[0, 20, 50:55, 0] = [0, 0, 180, 0, 0]
    numbers = of_one_image(0.2, 1.0, 0.0, 0.0)
    blurred = outlines._sharpen(tf.constant(images), numbers[:4]).numpy()
    assert (blurred[0, 19:22, 51:54] == 20).all() and blurred.sum() == 180


def test_noise_is_the_sum_of_four_bytes():
    """1 + 2 + 3 + 4, less 510, over sqrt(4 (256^2 - 1) / 12): -3.383 deviations."""
    words = np.full((1, 20 * 168), (1 << 24) + (2 << 16) + (3 << 8) + 4, np.int32)
    words[0, 0] = -1  # the highest bit counts as any other: four times 255
    numbers = kinds.RandomNumbers(of_one_image(1 / 3), tf.constant(words))  # level 10
    degraded = kinds.add_noise(grey(128, 1), numbers).numpy()[0, ..., 0]
    expected = np.repeat([94, 162], 20)[:, np.newaxis].repeat(168, axis=1)
    expected[[0, 20], 0] = [163, 93]  # 510 / 147.8 = 3.451
    np.testing.assert_array_equal(degraded, expected)


def test_a_word_is_two_numbers():
    words = tf.constant([[-1, (0x4000 << 16) + 0x8000]])  # all bits of the first
    largest = 1 - 2**-16
    uniform = kinds._uniform(words)
    np.testing.assert_array_equal(uniform, [[largest, 0.5, largest, 0.25]])


def test_what_is_split_is_what_was_drawn():
    chosen = kinds.blur, kinds.cloud, kinds.add_noise
    plan = list(zip(chosen, (2, 1, 3)))
    drawn = kinds.draw(plan, [1, 2])
    blur, cloud, noise = kinds.split_by_kind(drawn, plan)
    assert drawn.per_image.shape == (12, 6, 1, 1, 1)
    assert drawn.words.shape == ((4 * 12 + 14 * 56) // 2 + 3 * 20 * 168,)
    dealt = np.concatenate([blur.per_image, cloud.per_image, noise.per_image], axis=1)
    np.testing.assert_array_equal(dealt, drawn.per_image)
    assert blur.words.shape == (2, 0) and noise.words.shape == (3, 20 * 168)
    words = np.concatenate([cloud.words, noise.words], axis=None)
    np.testing.assert_array_equal(words, drawn.words)
