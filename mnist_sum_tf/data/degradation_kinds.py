"""The kinds of degradation: functions `(images, random numbers) -> images`.

Images are uint8 `[batch, 40, 168, 1]`. Random numbers are drawn separately, so that
the functions that use them can be compiled.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data.enlarging import enlarge
from mnist_sum_tf.data.placement import between

HEIGHT, WIDTH = config.CANVAS_SHAPE
_PER_IMAGE = 12  # as many as `negative_bands` needs


class RandomNumbers(NamedTuple):
    """The random numbers for one kind of degradation of a batch.

    Attributes:
        per_image: float32 `[12, batch, 1, 1, 1]` in [0, 1); only bands need all.
        words: int32 `[batch, n]`, each of 32 random bits; `n` is the kind's own.
    """

    per_image: tf.Tensor
    words: tf.Tensor


Plan = Sequence[tuple[Callable, int]]  # kinds, and how many images each degrades


def draw(plan: Plan, seed) -> RandomNumbers:
    """Draws all random numbers of a plan at once: `per_image` and `words`.

    Args:
        plan: of the functions below and `outlines.draw_outlines`.
        seed: int `[2]`.

    Returns:
        RandomNumbers for `split_by_kind` to split by kind; `words` is flat.
    """
    image_seed, word_seed = tf.unstack(tf.random.split(seed, 2))
    num_images = sum(count for _, count in plan)
    num_words = sum(count * _WORDS.get(kind, 0) for kind, count in plan)
    return RandomNumbers(
        tf.random.stateless_uniform([_PER_IMAGE, num_images, 1, 1, 1], image_seed),
        tf.random.stateless_uniform([num_words], word_seed, None, None, tf.int32),
    )


def split_by_kind(drawn: RandomNumbers, plan: Plan) -> list[RandomNumbers]:
    """Splits the numbers that `draw` returned among the kinds of its plan."""
    counts = [count for _, count in plan]
    sizes = [count * _WORDS.get(kind, 0) for kind, count in plan]
    per_image = tf.split(drawn.per_image, counts, axis=1)
    words = tf.split(drawn.words, sizes)
    return [
        RandomNumbers(numbers, tf.reshape(its_words, [count, size // count]))
        for numbers, its_words, count, size in zip(per_image, words, counts, sizes)
    ]


def _halves(words) -> tf.Tensor:
    """Sixteen bits each, as whole numbers: all lower halves, then all upper ones."""
    upper = tf.bitwise.right_shift(words, 16)
    return tf.bitwise.bitwise_and(tf.concat([words, upper], axis=1), 2**16 - 1)


def _uniform(words) -> tf.Tensor:
    """Their halves as numbers in [0, 1)."""
    return tf.cast(_halves(words), tf.float32) / 2**16


def to_uint8(images) -> tf.Tensor:
    """Clips floats to [0, 255] and rounds them to grey levels."""
    return tf.cast(tf.round(tf.clip_by_value(images, 0.0, 255.0)), tf.uint8)


def change_contrast(images, numbers: RandomNumbers) -> tf.Tensor:
    """Ink 50-250 % as bright, paper up to 60 of 255 grey."""
    gain = tf.exp(between(numbers.per_image[0], -0.7, 0.9))
    paper = tf.maximum(0.0, between(numbers.per_image[1], -60.0, 60.0))
    bright = tf.minimum(tf.cast(images, tf.float32) * gain, 255.0)
    return to_uint8(paper + bright * (255.0 - paper) / 255.0)


def blur(images, numbers: RandomNumbers) -> tf.Tensor:
    """Blurs up to a 3x3 mean, black beyond the border."""
    return blur_by(images, between(numbers.per_image[0], 0.3, 1.0))


def blur_by(images, share) -> tf.Tensor:
    """Blends each image with its 3x3 mean by `share`, `[batch, 1, 1, 1]` in [0, 1]."""
    pixels = tf.cast(images, tf.float32)
    around = tf.pad(pixels, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    mean = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return to_uint8(pixels + share * (mean - pixels))


def add_noise(images, numbers: RandomNumbers) -> tf.Tensor:
    """Adds noise of a standard deviation up to 30 of 255.

    Nearly Gaussian: the sum of four random bytes, bounded by 3.5 standard deviations.
    An image's lower half gets the negative of the upper one's, which saves drawing it.
    """
    level = between(numbers.per_image[0], 0.0, 30.0)
    total = tf.add_n(
        [
            tf.bitwise.bitwise_and(tf.bitwise.right_shift(numbers.words, shift), 255)
            for shift in (0, 8, 16, 24)
        ]
    )
    # A byte's mean is 127.5, its variance (256^2 - 1) / 12.
    noise = (tf.cast(total, tf.float32) - 510) / np.float32(np.sqrt(65535 / 3))
    noise = tf.reshape(noise, [-1, HEIGHT // 2, WIDTH, 1])
    noise = tf.concat([noise, -noise], axis=1)
    return to_uint8(tf.cast(images, tf.float32) + level * noise)


def punch_holes(images, numbers: RandomNumbers) -> tf.Tensor:
    """Blackens up to 8 % of the pixels, whitens up to 1 %."""
    return _lose_pixels(images, numbers, largest_share=0.08, white_per_black=1 / 8)


def salt_and_pepper(images, numbers: RandomNumbers) -> tf.Tensor:
    """Whitens and blackens up to 12 % of the pixels each."""
    return _lose_pixels(images, numbers, largest_share=0.12, white_per_black=1)


def _lose_pixels(images, numbers, largest_share, white_per_black) -> tf.Tensor:
    share = largest_share * numbers.per_image[0]
    place = tf.reshape(_uniform(numbers.words), images.shape)
    black = tf.zeros_like(images)
    holed = tf.where(place < share, black, images)
    return tf.where(place > 1 - share * white_per_black, 255 - black, holed)


def cloud(images, numbers: RandomNumbers) -> tf.Tensor:
    """Uneven light: clouds up to three times as bright as the ink, on grey paper."""
    density = tf.maximum(0.0, between(numbers.per_image[0], -0.5, 3.0))
    paper = tf.maximum(0.0, between(numbers.per_image[1], -0.3, 0.5))
    clouds = tf.add_n(_coarse(numbers.words, _CLOUD_GRIDS, "bilinear")) / 2
    pixels = tf.cast(images, tf.float32) / 255 + density * clouds
    return to_uint8(255 * (pixels / (1 + density) + paper))


def stray_line(images, numbers: RandomNumbers) -> tf.Tensor:
    """A thin line from side to side, straight or wavy, whole or dotted."""
    uniform = numbers.per_image[..., 0]
    x = tf.range(WIDTH, dtype=tf.float32)
    start, end = uniform[0] * HEIGHT, uniform[1] * HEIGHT
    wave = _wave(x * (0.2 + 0.8 * uniform[2]) + 6 * uniform[3])
    line = start + (end - start) * x / WIDTH + 4 * (uniform[4] - 0.4) * wave
    y = tf.range(HEIGHT, dtype=tf.float32)[:, tf.newaxis]
    ink = tf.clip_by_value(1.0 + uniform[5] - tf.abs(y - line), 0.0, 1.0)
    period = tf.round(3 + 5 * uniform[5])
    is_gap = (uniform[6] < 0.4) & (x - period * tf.floor(x / period) < 2)
    ink = tf.where(is_gap, 0.0, ink)[..., tf.newaxis]
    return to_uint8(tf.cast(images, tf.float32) + 255 * ink)


def _wave(phase) -> tf.Tensor:
    """Nearly the negative sine, made of parabolas.

    XLA computes sines and remainders one number at a time.
    """
    turn = phase / np.float32(2 * np.pi)
    swing = 2 * (turn - tf.floor(turn)) - 1
    return 4 * swing * (1 - tf.abs(swing))


def negative_bands(images, numbers: RandomNumbers) -> tf.Tensor:
    """Four bands, up to twelve columns wide, partly or wholly inverted."""
    bands = tf.reshape(numbers.per_image, [3, 4, -1, 1, 1, 1])
    left, size, level = tf.unstack(bands)
    past = tf.range(WIDTH, dtype=tf.float32)[:, tf.newaxis] - left * WIDTH
    inside = (past >= 0) & (past < 12 * size)
    level = tf.reduce_max(tf.where(inside, 0.3 + level, 0.0), axis=0)
    pixels = tf.cast(images, tf.float32)
    return to_uint8(tf.abs(pixels - 255 * tf.minimum(level, 1.0)))


def splash_mud(images, numbers: RandomNumbers) -> tf.Tensor:
    """Grey specks, of some three pixels or of five, over up to half of the image."""
    share = between(numbers.per_image[0], 0.05, 0.5)
    level = between(numbers.per_image[1], 0.1, 0.6)
    small, large = _coarse(numbers.words, _MUD_GRIDS, "bicubic")
    height = tf.where(numbers.per_image[2] < 0.5, small, large)
    cover = tf.clip_by_value(4 * (height - (1 - share)) + 0.5, 0.0, 1.0)
    pixels = tf.cast(images, tf.float32)
    return to_uint8(pixels + cover * (255 * level - pixels))


def _coarse(words, sizes, method: str) -> list[tf.Tensor]:
    """Grids of numbers in [0, 1), enlarged to float32 `[batch, 40, 168, 1]`."""
    counts = [rows * columns for rows, columns in sizes]
    parts = tf.split(_uniform(words), counts, axis=1)
    grids = [tf.reshape(part, [-1, *size]) for part, size in zip(parts, sizes)]
    return [enlarge(grid, method)[..., tf.newaxis] for grid in grids]


# Two steps of -1, 0 or 1 down and two to the right, in all 81 ways.
_STEPS = np.array(list(itertools.product((-1, 0, 1), repeat=4)), np.int32)
# `[81, 2]`, down and right.
_MOVES = _STEPS[:, :2] + _STEPS[:, 2:]


def frost_glass(images, numbers: RandomNumbers) -> tf.Tensor:
    """Replaces each pixel by one up to two pixels away; near ones are likelier."""
    moves = tf.bitwise.right_shift(_halves(numbers.words) * len(_MOVES), 16)
    moves = tf.reshape(moves, [-1, HEIGHT, WIDTH])
    down, right = tf.unstack(tf.gather(_MOVES, moves), axis=-1)
    row = tf.clip_by_value(tf.range(HEIGHT)[:, tf.newaxis] + down, 0, HEIGHT - 1)
    column = tf.clip_by_value(tf.range(WIDTH) + right, 0, WIDTH - 1)
    first_row = HEIGHT * tf.range(images.shape[0])[:, tf.newaxis, tf.newaxis]
    place = (first_row + row) * WIDTH + column
    return tf.gather(tf.reshape(images, [-1, 1]), place)


_CLOUD_GRIDS = ((4, 12), (14, 56))
_MUD_GRIDS = ((14, 56), (8, 34))
# How many words of random bits an image needs.
_WORDS = {
    add_noise: HEIGHT // 2 * WIDTH,
    punch_holes: HEIGHT * WIDTH // 2,
    salt_and_pepper: HEIGHT * WIDTH // 2,
    cloud: sum(rows * columns for rows, columns in _CLOUD_GRIDS) // 2,
    splash_mud: sum(rows * columns for rows, columns in _MUD_GRIDS) // 2,
    frost_glass: HEIGHT * WIDTH // 2,
}
