"""Each kind of wear: a batch of images and a seed to images of the same shape.

Images are uint8 `[batch, 40, 168, 1]`, seeds int `[2]`.
"""

import itertools

import numpy as np
import tensorflow as tf


def per_image(images, seed, low: float, high: float) -> tf.Tensor:
    """One number in [low, high) per image, float32 `[batch, 1, 1, 1]`."""
    shape = [images.shape[0], 1, 1, 1]
    return tf.random.stateless_uniform(shape, seed, low, high)


def _to_uint8(images) -> tf.Tensor:
    return tf.cast(tf.round(tf.clip_by_value(images, 0.0, 255.0)), tf.uint8)


def change_contrast(images, seed) -> tf.Tensor:
    """Ink 50-250 % as bright, paper up to 60 of 255 grey."""
    gain_seed, paper_seed = tf.unstack(tf.random.split(seed, 2))
    gain = tf.exp(per_image(images, gain_seed, -0.7, 0.9))
    paper = tf.maximum(0.0, per_image(images, paper_seed, -60.0, 60.0))
    bright = tf.minimum(tf.cast(images, tf.float32) * gain, 255.0)
    return _to_uint8(paper + bright * (255.0 - paper) / 255.0)


def blur(images, seed) -> tf.Tensor:
    """Blurs up to a 3x3 mean, black beyond the border."""
    share = per_image(images, seed, 0.3, 1.0)
    pixels = tf.cast(images, tf.float32)
    around = tf.pad(pixels, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    mean = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return _to_uint8(pixels + share * (mean - pixels))


def add_noise(images, seed) -> tf.Tensor:
    """Adds Gaussian noise of a standard deviation up to 30 of 255.

    Half of the images get the negative of another one's, which saves drawing it.
    """
    level_seed, noise_seed = tf.unstack(tf.random.split(seed, 2))
    level = per_image(images, level_seed, 0.0, 30.0)
    half = [(images.shape[0] + 1) // 2, *images.shape[1:]]
    noise = tf.random.stateless_normal(half, noise_seed)
    noise = tf.concat([noise, -noise], axis=0)[: images.shape[0]]
    return _to_uint8(tf.cast(images, tf.float32) + level * noise)


def punch_holes(images, seed) -> tf.Tensor:
    """Blackens up to 8 % of the pixels, whitens up to 1 %."""
    return _lose_pixels(images, seed, largest_share=0.08, white_per_black=1 / 8)


def salt_and_pepper(images, seed) -> tf.Tensor:
    """Whitens and blackens up to 12 % of the pixels each."""
    return _lose_pixels(images, seed, largest_share=0.12, white_per_black=1)


def _lose_pixels(images, seed, largest_share, white_per_black) -> tf.Tensor:
    share_seed, place_seed = tf.unstack(tf.random.split(seed, 2))
    share = per_image(images, share_seed, 0.0, largest_share)
    place = tf.random.stateless_uniform(tf.shape(images), place_seed)
    black = tf.zeros_like(images)
    images = tf.where(place < share, black, images)
    return tf.where(place > 1 - share * white_per_black, 255 - black, images)


def cloud(images, seed) -> tf.Tensor:
    """Uneven light: clouds up to three times as bright as the ink, on grey paper."""
    seeds = tf.unstack(tf.random.split(seed, 4))
    density = per_image(images, seeds[0], -0.5, 3.0)
    paper = per_image(images, seeds[1], -0.3, 0.5)
    clouds = 0.0
    for (rows, columns), octave_seed in zip(((4, 12), (14, 56)), seeds[2:]):
        shape = [images.shape[0], rows, columns, 1]
        grid = tf.random.stateless_uniform(shape, octave_seed)
        clouds += 0.5 * tf.image.resize(grid, images.shape[1:3])
    density = tf.maximum(0.0, density)
    pixels = tf.cast(images, tf.float32) / 255 + density * clouds
    return _to_uint8(255 * (pixels / (1 + density) + tf.maximum(0.0, paper)))


def stray_line(images, seed) -> tf.Tensor:
    """A thin line from side to side, straight or wavy, whole or dotted."""
    shape = [7, images.shape[0], 1, 1]
    uniform = tf.unstack(tf.random.stateless_uniform(shape, seed))
    height, width = images.shape[1:3]
    x = tf.range(width, dtype=tf.float32)
    start, end = uniform[0] * height, uniform[1] * height
    wave = tf.sin(x * (0.2 + 0.8 * uniform[2]) + 6 * uniform[3])
    line = start + (end - start) * x / width + 4 * (uniform[4] - 0.4) * wave
    y = tf.range(height, dtype=tf.float32)[:, tf.newaxis]
    ink = tf.clip_by_value(1.0 + uniform[5] - tf.abs(y - line), 0.0, 1.0)
    is_gap = (uniform[6] < 0.4) & (x % tf.round(3 + 5 * uniform[5]) < 2)
    ink = tf.where(is_gap, 0.0, ink)[..., tf.newaxis]
    return _to_uint8(tf.cast(images, tf.float32) + 255 * ink)


def negative_bands(images, seed) -> tf.Tensor:
    """Four bands, up to twelve columns wide, partly or wholly inverted."""
    shape = [3, images.shape[0], 4, 1, 1, 1]
    left, size, level = tf.unstack(tf.random.stateless_uniform(shape, seed))
    width = images.shape[2]
    past = tf.range(width, dtype=tf.float32)[:, tf.newaxis] - left * width
    inside = (past >= 0) & (past < 12 * size)
    level = tf.reduce_max(tf.where(inside, 0.3 + level, 0.0), axis=1)
    pixels = tf.cast(images, tf.float32)
    return _to_uint8(tf.abs(pixels - 255 * tf.minimum(level, 1.0)))


def splash_mud(images, seed) -> tf.Tensor:
    """Grey specks, of some three pixels or of five, over up to half of the image."""
    seeds = tf.unstack(tf.random.split(seed, 5))
    share = per_image(images, seeds[0], 0.05, 0.5)
    level = per_image(images, seeds[1], 0.1, 0.6)
    small, large = (
        tf.image.resize(
            tf.random.stateless_uniform([images.shape[0], *size, 1], grid_seed),
            images.shape[1:3], "bicubic",
        )
        for size, grid_seed in zip(((14, 56), (8, 34)), seeds[2:])
    )  # fmt: skip
    height = tf.where(per_image(images, seeds[4], 0.0, 1.0) < 0.5, small, large)
    cover = tf.clip_by_value(4 * (height - (1 - share)) + 0.5, 0.0, 1.0)
    pixels = tf.cast(images, tf.float32)
    return _to_uint8(pixels + cover * (255 * level - pixels))


# Two steps of -1, 0 or 1 down and two to the right, in all 81 ways.
_STEPS = np.array(list(itertools.product((-1, 0, 1), repeat=4)), np.int32)
# `[81, 2]`, down and right.
_MOVES = _STEPS[:, :2] + _STEPS[:, 2:]


def frost_glass(images, seed) -> tf.Tensor:
    """Each pixel shows one of those up to two pixels away, rather a near one."""
    _, height, width, _ = images.shape
    shape = [images.shape[0], height, width]
    moves = tf.random.stateless_uniform(shape, seed, 0, len(_MOVES), tf.int32)
    down, right = tf.unstack(tf.gather(_MOVES, moves), axis=-1)
    row = tf.clip_by_value(tf.range(height)[:, tf.newaxis] + down, 0, height - 1)
    column = tf.clip_by_value(tf.range(width) + right, 0, width - 1)
    place = tf.reshape(row * width + column, [-1, height * width])
    flat = tf.reshape(images, [-1, height * width])
    return tf.reshape(tf.gather(flat, place, batch_dims=1), images.shape)


def draw_outlines(images, seed) -> tf.Tensor:
    """Outlines in place of ink: inside, outside or astride; up to thrice as bright.

    Half of them are thin: no pixel counts as beside one that touches by a corner.
    """
    sharp_seed, inside_seed, gain_seed, thin_seed = tf.unstack(tf.random.split(seed, 4))
    images = _sharpen(images, sharp_seed)
    is_thin = per_image(images, thin_seed, 0.0, 1.0) < 0.5
    inside = tf.clip_by_value(per_image(images, inside_seed, -0.5, 1.5), 0.0, 1.0)
    gain = per_image(images, gain_seed, 1.0, 3.0)

    def of_neighbours(op):
        down, across = (_of_three(op, images, axis) for axis in (1, 2))
        around = _of_three(op, down, 2)
        return tf.cast(tf.where(is_thin, op(down, across), around), tf.float32)

    pixels = tf.cast(images, tf.float32)
    grown, shrunk = of_neighbours(tf.maximum), of_neighbours(tf.minimum)
    outline = inside * (pixels - shrunk) + (1 - inside) * (grown - pixels)
    return _to_uint8(gain * outline)


def _sharpen(images, seed) -> tf.Tensor:
    """Up to black and white, split at some grey; half of the images blurred before.

    What is as it was has soft, broad outlines, what is black and white has lines.
    """
    blur_seed, chance_seed, steep_seed, split_seed = tf.unstack(tf.random.split(seed, 4))
    is_blurred = per_image(images, chance_seed, 0.0, 1.0) < 0.5
    pixels = tf.cast(tf.where(is_blurred, blur(images, blur_seed), images), tf.float32)
    steepness = tf.exp(per_image(images, steep_seed, 0.0, 4.0))
    split = per_image(images, split_seed, 10.0, 130.0)
    return _to_uint8(steepness * pixels - (steepness - 1) * split)


def _of_three(op, images, axis: int) -> tf.Tensor:
    """The largest, or smallest, of each pixel and its neighbours along an axis."""
    if axis == 1:
        parts = images[:, :1], images[:, :-1], images[:, 1:], images[:, -1:]
    else:
        parts = images[:, :, :1], images[:, :, :-1], images[:, :, 1:], images[:, :, -1:]
    first, but_last, but_first, last = parts
    before = tf.concat([first, but_last], axis)
    return op(images, op(before, tf.concat([but_first, last], axis)))
