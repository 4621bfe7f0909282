"""Each kind of wear: a batch of images, and what is random about it, to a batch.

Images are uint8 `[batch, 40, 168, 1]`. Numbers are drawn apart from what is done
with them, so that the latter can be compiled.
"""

import itertools
from typing import Callable, NamedTuple, Sequence

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data.enlarging import enlarge
from mnist_sum_tf.data.placement import between

HEIGHT, WIDTH = config.IMAGE_HEIGHT, config.IMAGE_WIDTH
_PER_IMAGE = 12  # as many as `negative_bands` needs


class Numbers(NamedTuple):
    """What is random about one kind of wear of a batch.

    Attributes:
        per_image: float32 `[12, batch, 1, 1, 1]` in [0, 1); only bands need all.
        words: int32 `[batch, n]`, each of 32 random bits; `n` is the kind's own.
    """

    per_image: tf.Tensor
    words: tf.Tensor


Plan = Sequence[tuple[Callable, int]]  # kinds, and how many images each wears


def draw(plan: Plan, seed) -> Numbers:
    """Draws all that a plan needs, at once: `per_image` and `words` of all its images.

    Args:
        plan: of the functions below.
        seed: int `[2]`.

    Returns:
        What `deal` deals out; `words` is flat.
    """
    image_seed, word_seed = tf.unstack(tf.random.split(seed, 2))
    num_images = sum(count for _, count in plan)
    num_words = sum(count * _WORDS.get(kind, 0) for kind, count in plan)
    return Numbers(
        tf.random.stateless_uniform([_PER_IMAGE, num_images, 1, 1, 1], image_seed),
        tf.random.stateless_uniform([num_words], word_seed, None, None, tf.int32),
    )


def deal(drawn: Numbers, plan: Plan) -> list[Numbers]:
    """What each kind of a plan gets of what was drawn for it."""
    counts = [count for _, count in plan]
    sizes = [count * _WORDS.get(kind, 0) for kind, count in plan]
    per_image = tf.split(drawn.per_image, counts, axis=1)
    words = tf.split(drawn.words, sizes)
    return [
        Numbers(numbers, tf.reshape(its_words, [count, size // count]))
        for numbers, its_words, count, size in zip(per_image, words, counts, sizes)
    ]


def _uniform(words) -> tf.Tensor:
    """24 of their bits as a number in [0, 1)."""
    return tf.cast(tf.bitwise.bitwise_and(words, 2**24 - 1), tf.float32) / 2**24


def _to_uint8(images) -> tf.Tensor:
    return tf.cast(tf.round(tf.clip_by_value(images, 0.0, 255.0)), tf.uint8)


def change_contrast(images, numbers: Numbers) -> tf.Tensor:
    """Ink 50-250 % as bright, paper up to 60 of 255 grey."""
    gain = tf.exp(between(numbers.per_image[0], -0.7, 0.9))
    paper = tf.maximum(0.0, between(numbers.per_image[1], -60.0, 60.0))
    bright = tf.minimum(tf.cast(images, tf.float32) * gain, 255.0)
    return _to_uint8(paper + bright * (255.0 - paper) / 255.0)


def blur(images, numbers: Numbers) -> tf.Tensor:
    """Blurs up to a 3x3 mean, black beyond the border."""
    return _blur(images, between(numbers.per_image[0], 0.3, 1.0))


def _blur(images, share) -> tf.Tensor:
    pixels = tf.cast(images, tf.float32)
    around = tf.pad(pixels, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    mean = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return _to_uint8(pixels + share * (mean - pixels))


def add_noise(images, numbers: Numbers) -> tf.Tensor:
    """Adds noise of a standard deviation up to 30 of 255.

    Nearly Gaussian: the sum of four bytes, which ends at 3.5 standard deviations.
    An image's lower half gets the negative of the upper one's, which saves drawing it.
    """
    level = between(numbers.per_image[0], 0.0, 30.0)
    total = tf.add_n([
        tf.bitwise.bitwise_and(tf.bitwise.right_shift(numbers.words, shift), 255)
        for shift in (0, 8, 16, 24)
    ])  # fmt: skip
    # A byte's mean is 127.5, its variance (256^2 - 1) / 12.
    noise = (tf.cast(total, tf.float32) - 510) / np.float32(np.sqrt(65535 / 3))
    noise = tf.reshape(noise, [-1, HEIGHT // 2, WIDTH, 1])
    noise = tf.concat([noise, -noise], axis=1)
    return _to_uint8(tf.cast(images, tf.float32) + level * noise)


def punch_holes(images, numbers: Numbers) -> tf.Tensor:
    """Blackens up to 8 % of the pixels, whitens up to 1 %."""
    return _lose_pixels(images, numbers, largest_share=0.08, white_per_black=1 / 8)


def salt_and_pepper(images, numbers: Numbers) -> tf.Tensor:
    """Whitens and blackens up to 12 % of the pixels each."""
    return _lose_pixels(images, numbers, largest_share=0.12, white_per_black=1)


def _lose_pixels(images, numbers, largest_share, white_per_black) -> tf.Tensor:
    share = largest_share * numbers.per_image[0]
    place = tf.reshape(_uniform(numbers.words), images.shape)
    black = tf.zeros_like(images)
    holed = tf.where(place < share, black, images)
    return tf.where(place > 1 - share * white_per_black, 255 - black, holed)


def cloud(images, numbers: Numbers) -> tf.Tensor:
    """Uneven light: clouds up to three times as bright as the ink, on grey paper."""
    density = tf.maximum(0.0, between(numbers.per_image[0], -0.5, 3.0))
    paper = tf.maximum(0.0, between(numbers.per_image[1], -0.3, 0.5))
    clouds = tf.add_n(_coarse(numbers.words, _CLOUD_GRIDS, "bilinear")) / 2
    pixels = tf.cast(images, tf.float32) / 255 + density * clouds
    return _to_uint8(255 * (pixels / (1 + density) + paper))


def stray_line(images, numbers: Numbers) -> tf.Tensor:
    """A thin line from side to side, straight or wavy, whole or dotted."""
    uniform = numbers.per_image[..., 0]
    x = tf.range(WIDTH, dtype=tf.float32)
    start, end = uniform[0] * HEIGHT, uniform[1] * HEIGHT
    wave = tf.sin(x * (0.2 + 0.8 * uniform[2]) + 6 * uniform[3])
    line = start + (end - start) * x / WIDTH + 4 * (uniform[4] - 0.4) * wave
    y = tf.range(HEIGHT, dtype=tf.float32)[:, tf.newaxis]
    ink = tf.clip_by_value(1.0 + uniform[5] - tf.abs(y - line), 0.0, 1.0)
    is_gap = (uniform[6] < 0.4) & (x % tf.round(3 + 5 * uniform[5]) < 2)
    ink = tf.where(is_gap, 0.0, ink)[..., tf.newaxis]
    return _to_uint8(tf.cast(images, tf.float32) + 255 * ink)


def negative_bands(images, numbers: Numbers) -> tf.Tensor:
    """Four bands, up to twelve columns wide, partly or wholly inverted."""
    bands = tf.reshape(numbers.per_image, [3, 4, -1, 1, 1, 1])
    left, size, level = tf.unstack(bands)
    past = tf.range(WIDTH, dtype=tf.float32)[:, tf.newaxis] - left * WIDTH
    inside = (past >= 0) & (past < 12 * size)
    level = tf.reduce_max(tf.where(inside, 0.3 + level, 0.0), axis=0)
    pixels = tf.cast(images, tf.float32)
    return _to_uint8(tf.abs(pixels - 255 * tf.minimum(level, 1.0)))


def splash_mud(images, numbers: Numbers) -> tf.Tensor:
    """Grey specks, of some three pixels or of five, over up to half of the image."""
    share = between(numbers.per_image[0], 0.05, 0.5)
    level = between(numbers.per_image[1], 0.1, 0.6)
    small, large = _coarse(numbers.words, _MUD_GRIDS, "bicubic")
    height = tf.where(numbers.per_image[2] < 0.5, small, large)
    cover = tf.clip_by_value(4 * (height - (1 - share)) + 0.5, 0.0, 1.0)
    pixels = tf.cast(images, tf.float32)
    return _to_uint8(pixels + cover * (255 * level - pixels))


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


def frost_glass(images, numbers: Numbers) -> tf.Tensor:
    """Each pixel shows one of those up to two pixels away, rather a near one."""
    sixteen_bits = tf.bitwise.bitwise_and(numbers.words, 2**16 - 1)
    moves = tf.bitwise.right_shift(sixteen_bits * len(_MOVES), 16)
    moves = tf.reshape(moves, [-1, HEIGHT, WIDTH])
    down, right = tf.unstack(tf.gather(_MOVES, moves), axis=-1)
    row = tf.clip_by_value(tf.range(HEIGHT)[:, tf.newaxis] + down, 0, HEIGHT - 1)
    column = tf.clip_by_value(tf.range(WIDTH) + right, 0, WIDTH - 1)
    first_row = HEIGHT * tf.range(images.shape[0])[:, tf.newaxis, tf.newaxis]
    place = (first_row + row) * WIDTH + column
    return tf.gather(tf.reshape(images, [-1, 1]), place)


def draw_outlines(images, numbers: Numbers) -> tf.Tensor:
    """Outlines in place of ink: inside, outside or astride; up to thrice as bright.

    Half of them are thin: no pixel counts as beside one that touches by a corner.
    """
    is_thin, inside, gain = tf.unstack(numbers.per_image[4:7])
    inside = tf.clip_by_value(between(inside, -0.5, 1.5), 0.0, 1.0)
    pixels = tf.cast(_sharpen(images, numbers.per_image[:4]), tf.float32)
    largest = _largest_around(pixels, is_thin < 0.5)
    smallest = -_largest_around(-pixels, is_thin < 0.5)
    outline = inside * (pixels - smallest) + (1 - inside) * (largest - pixels)
    return _to_uint8(between(gain, 1.0, 3.0) * outline)


def _sharpen(images, uniform) -> tf.Tensor:
    """Up to black and white, split at some grey; half of the images blurred before.

    What is as it was has soft, broad outlines, what is black and white has lines.
    """
    is_blurred, blur_share, steepness, split = tf.unstack(uniform)
    blurred = _blur(images, between(blur_share, 0.3, 1.0))
    pixels = tf.cast(tf.where(is_blurred < 0.5, blurred, images), tf.float32)
    steepness = tf.exp(between(steepness, 0.0, 4.0))
    split = between(split, 10.0, 130.0)
    return _to_uint8(steepness * pixels - (steepness - 1) * split)


def _largest_around(pixels, is_thin) -> tf.Tensor:
    """The largest of each pixel and its eight neighbours, or four where thin."""
    down, across, square = (
        tf.nn.max_pool2d(pixels, size, 1, "SAME") for size in ((3, 1), (1, 3), (3, 3))
    )
    return tf.where(is_thin, tf.maximum(down, across), square)


_CLOUD_GRIDS = ((4, 12), (14, 56))
_MUD_GRIDS = ((14, 56), (8, 34))
# How many words of random bits an image needs.
_WORDS = {
    add_noise: HEIGHT // 2 * WIDTH,
    punch_holes: HEIGHT * WIDTH,
    salt_and_pepper: HEIGHT * WIDTH,
    cloud: sum(rows * columns for rows, columns in _CLOUD_GRIDS),
    splash_mud: sum(rows * columns for rows, columns in _MUD_GRIDS),
    frost_glass: HEIGHT * WIDTH,
}
