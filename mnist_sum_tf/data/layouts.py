"""Layouts: position, size and rotation of an image's four digits on the canvas.

A layout is a function `(ink_boxes, seed) -> Placement`. It draws random numbers only;
`drawing.py` draws the pixels.
"""

import functools
from collections.abc import Callable

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.config_check import check_layout
from mnist_sum_tf.data.placement import (
    BRIGHTEST,
    KEEP_EARLIER,
    WRAP_AROUND,
    Placement,
    between,
    deform,
    uniform_numbers,
)

# The layouts that `mixed` is made of, with the share of images of each.
MIXTURE = (
    ("tiled", 0.17),
    ("scattered", 0.17),
    ("assignment", 0.30),
    ("separate", 0.14),
    ("cropped", 0.22),
)


def _integer(uniform, low: int, high: int) -> tf.Tensor:
    """Maps [0, 1) to the whole numbers `low`, ..., `high`, as float32."""
    return tf.floor(low + uniform * (high - low + 1))


def _straight(center_x, center_y, width, height, overlap: int, **changes):
    """A placement whose digits are neither deformed nor turned."""
    zeros = tf.zeros_like(center_x)
    batch_size = tf.shape(center_x)[0]
    placement = Placement(
        center_x=center_x,
        center_y=center_y,
        width=zeros + width,
        height=zeros + height,
        rotation_degrees=zeros,
        shear=zeros,
        overlap=tf.fill([batch_size], overlap),
    )
    return placement._replace(**changes)


def tiled(ink_boxes, seed) -> Placement:
    """Four cells of 40x42, each digit stretched to 38x35 and centred.

    The numbers are the original generator's.
    """
    del seed  # nothing is random
    # 35 rows in 40: the original leaves 2 above and 3 below.
    return in_cells(ink_boxes.shape[0], 2 + 35 / 2, 38.0, 35.0)


def in_cells(
    batch_size: int,
    center_y: float = config.IMAGE_HEIGHT / 2,
    width: float = config.DIGIT_SIZE,
    height: float = config.DIGIT_SIZE,
) -> Placement:
    """Each digit in the middle of its own quarter of the canvas."""
    cell_centers = config.CELL_WIDTH * (tf.range(4, dtype=tf.float32) + 0.5)
    center_x = tf.tile(cell_centers[tf.newaxis], [batch_size, 1])
    center_y = tf.fill([batch_size, 4], center_y)
    return _straight(center_x, center_y, width, height, KEEP_EARLIER)


def scattered(ink_boxes, seed) -> Placement:
    """Small turned digits in slots of random width; the original's numbers.

    The first digit may reach over the left border by up to ten pixels, where
    `KEEP_EARLIER` presses its ink back, as the original's images show it.
    """
    turn, across, down, advance = uniform_numbers(seed, 4, ink_boxes.shape[0])
    slots = tf.cumsum(24 + _integer(advance, 5, 15), axis=1, exclusive=True)
    left = slots + _integer(across, -10, 10)
    top = _integer(down, 0, 11)
    return _straight(
        left + 12,
        top + 14,
        24.0,
        28.0,
        KEEP_EARLIER,
        rotation_degrees=between(turn, -15.0, 15.0),
    )


def assignment(ink_boxes, seed) -> Placement:
    """Exactly the rule by which the course's data was generated.

    The first box begins at max(0, r), each next one at max(0, end of the last
    box + r), r a whole number from -15 to 14; y is from 0 to 11; ink is added
    modulo 256.
    """
    gap, down = uniform_numbers(seed, 2, ink_boxes.shape[0])
    end = 0.0
    lefts = []
    for step in tf.unstack(_integer(gap, -15, 14), axis=1):
        lefts.append(tf.maximum(0.0, end + step))
        end = lefts[-1] + config.DIGIT_SIZE
    center_x = tf.stack(lefts, axis=1) + config.DIGIT_SIZE / 2
    center_y = _integer(down, 0, 11) + config.DIGIT_SIZE / 2
    size = float(config.DIGIT_SIZE)
    return _straight(center_x, center_y, size, size, WRAP_AROUND)


def separate(ink_boxes, seed) -> Placement:
    """Digits at their own size placed freely; their boxes never overlap."""
    batch_size = ink_boxes.shape[0]
    left_share, right_share, down, _ = uniform_numbers(seed, 4, batch_size)
    # Five gaps share the space that four boxes leave: normalised exponentials
    # are uniform over all ways to divide it.
    shares = tf.concat([left_share, right_share[:, :1]], axis=1)
    shares = -tf.math.log(1.0 - shares)
    free = config.IMAGE_WIDTH - 4 * config.DIGIT_SIZE
    gaps = free * shares / tf.reduce_sum(shares, axis=1, keepdims=True)
    ends = tf.floor(tf.cumsum(gaps[:, :4], axis=1))
    left = ends + config.DIGIT_SIZE * tf.range(4, dtype=tf.float32)
    center_y = _integer(down, 0, 40 - config.DIGIT_SIZE) + config.DIGIT_SIZE / 2
    size = float(config.DIGIT_SIZE)
    return _straight(left + size / 2, center_y, size, size, BRIGHTEST)


def cropped(ink_boxes, seed) -> Placement:
    """Digits cropped to their ink and set 0 to 12 pixels apart."""
    gap, down, start, _ = uniform_numbers(seed, 4, ink_boxes.shape[0])
    gaps = _integer(gap, 0, 12)
    return _beside_each_other(ink_boxes, gaps, start[:, 0], down, 1.0, 1.0)


def _beside_each_other(ink_boxes, gaps, start, down, scale_x, scale_y):
    """Places digits in a row, with `gaps` pixels from ink to ink.

    Args:
        ink_boxes: float32 `[batch, 4, 4]`, left, right, top, bottom of the ink.
        gaps: `[batch, 4]`, pixels before each digit; the first is not used.
        start: `[batch]` in [0, 1), where the row stands between the borders.
        down: `[batch, 4]` in [0, 1), likewise for each digit's height.
        scale_x: size relative to 28 pixels, a number or `[batch, 4]`.
        scale_y: likewise.
    """
    left, right, top, bottom = tf.unstack(ink_boxes, axis=-1)
    widths = (right - left) * scale_x
    gaps = tf.concat([tf.zeros_like(gaps[:, :1]), gaps[:, 1:]], axis=1)
    ink_left = tf.cumsum(gaps + widths, axis=1) - widths
    free = config.IMAGE_WIDTH - (ink_left + widths)[:, -1]
    ink_left += tf.floor(start * (tf.maximum(free, 0.0) + 1))[:, tf.newaxis]
    free_rows = config.IMAGE_HEIGHT - (bottom - top) * scale_y
    ink_top = tf.floor(down * (tf.maximum(free_rows, 0.0) + 1))
    half = config.DIGIT_SIZE / 2
    return _straight(
        ink_left + (half - left) * scale_x,
        ink_top + (half - top) * scale_y,
        config.DIGIT_SIZE * scale_x,
        config.DIGIT_SIZE * scale_y,
        BRIGHTEST,
    )


def _continuum(ink_boxes, seed) -> Placement:
    """`cropped` at any size and aspect, down to overlapping ink."""
    batch_size = ink_boxes.shape[0]
    gap, down, size, own_size, aspect, common = uniform_numbers(seed, 6, batch_size)
    # One size per image, varied slightly from digit to digit.
    scale = between(size[:, :1], 0.65, 1.45) * between(own_size, 0.9, 1.1)
    stretch = tf.exp(between(aspect[:, :1], -0.25, 0.25))
    total = tf.reduce_sum(ink_boxes[..., 1] - ink_boxes[..., 0], axis=1)
    tallest = tf.reduce_max(ink_boxes[..., 3] - ink_boxes[..., 2], axis=1)
    scale_y = tf.minimum(scale / stretch, 41.0 / tallest[:, tf.newaxis])
    scale_x = tf.minimum(scale * stretch, 160.0 / total[:, tf.newaxis])
    spread = between(common[:, :1], 0.0, 14.0)
    gaps = between(gap, -3.0, spread)
    return _beside_each_other(ink_boxes, gaps, common[:, 1], down, scale_x, scale_y)


def mixed(ink_boxes, seed, deformation_strength: float = 1.0) -> Placement:
    """The training mixture: every layout and the continuum between them."""
    seeds = tf.random.split(seed, len(MIXTURE) + 3)
    parts = [
        (_continuum if name == "cropped" else LAYOUTS[name])(ink_boxes, part)
        for (name, _), part in zip(MIXTURE, tf.unstack(seeds[3:]))
    ]
    batch_size = ink_boxes.shape[0]
    pick = tf.random.stateless_uniform([batch_size], seeds[0])
    borders = tf.cumsum(tf.constant([share for _, share in MIXTURE]))
    choice = tf.searchsorted(borders[:-1], pick, side="right")
    rows = tf.range(batch_size)
    where = tf.stack([choice, rows], axis=1)
    drawn = [part[:-2] for part in parts]  # none of them deforms its digits yet
    merged = (tf.gather_nd(tf.stack(field), where) for field in zip(*drawn))
    return deform(Placement(*merged), seeds[1], seeds[2], deformation_strength)


LAYOUTS: dict[str, Callable[..., Placement]] = {
    "tiled": tiled,
    "scattered": scattered,
    "assignment": assignment,
    "separate": separate,
    "cropped": cropped,
    "mixed": mixed,
}


def get_layout(
    name: str, deformed: bool = False, deformation_strength: float = 1.0
) -> Callable[..., Placement]:
    """Returns the layout of that name.

    Args:
        name: one of `config.LAYOUTS`.
        deformed: whether its digits are deformed, turned and thickened as those of
            `mixed` are in any case.
        deformation_strength: factor on the default deformation, in [0, 1].

    Raises:
        UserError: if there is none.
    """
    check_layout(name)
    layout = LAYOUTS[name]
    if layout is mixed:
        return functools.partial(mixed, deformation_strength=deformation_strength)
    if not deformed:
        return layout

    def place(ink_boxes, seed):
        seeds = tf.unstack(tf.random.split(seed, 3))
        return deform(layout(ink_boxes, seeds[0]), *seeds[1:], deformation_strength)

    return place
