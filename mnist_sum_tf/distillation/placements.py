"""Where the digits of the student's canvases stand: `data.layouts.mixed`, in JAX."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mnist_sum_tf import config
from mnist_sum_tf.config import DIGIT_SIZE

KEEP_EARLIER, BRIGHTEST, WRAP_AROUND = 0, 1, 2
# As `data.layouts.MIXTURE`.
SHARES = (0.17, 0.17, 0.30, 0.14, 0.22)
HEIGHT, WIDTH = config.CANVAS_SHAPE


class Placement(NamedTuple):
    """See `data.placement.Placement`; float32 `[n, 4]`, `overlap` int32 `[n]`."""

    center_x: jax.Array
    center_y: jax.Array
    width: jax.Array
    height: jax.Array
    rotation_degrees: jax.Array
    overlap: jax.Array | None


def mixed(key, ink_boxes) -> Placement:
    """Each image's layout, drawn from all of them.

    Args:
        key: of JAX' random numbers.
        ink_boxes: see `ink_boxes`.
    """
    keys = jax.random.split(key, 6)
    count = ink_boxes.shape[0]
    layouts = (_tiled, _scattered, _assignment, _separate, _continuum)
    drawn = [layout(each, ink_boxes) for layout, each in zip(layouts, keys[1:])]
    borders = jnp.cumsum(jnp.array(SHARES))[:-1]
    pick = jnp.searchsorted(borders, jax.random.uniform(keys[0], [count]), "right")

    def of_layout(*fields):
        fields = jnp.stack(fields)
        which = pick.reshape([1, count] + [1] * (fields.ndim - 2))
        return jnp.take_along_axis(fields, which, axis=0)[0]

    return jax.tree.map(of_layout, *drawn)


def ink_boxes(digits) -> jax.Array:
    """Left, right, top, bottom of the ink of `[n, 4, 28, 28]`, `[n, 4, 4]`.

    A digit without ink counts as one all of ink.
    """

    def ends(has_ink):
        place = jnp.arange(DIGIT_SIZE)
        first = jnp.min(jnp.where(has_ink, place, DIGIT_SIZE), axis=-1)
        last = jnp.max(jnp.where(has_ink, place + 1, 0), axis=-1)
        is_blank = last == 0
        return first * ~is_blank, jnp.where(is_blank, DIGIT_SIZE, last)

    boxes = [*ends(jnp.max(digits, 2) > 0), *ends(jnp.max(digits, 3) > 0)]
    return jnp.stack(boxes, axis=-1).astype(jnp.float32)


def _uniform(key, count: int, ink_boxes) -> list:
    return list(jax.random.uniform(key, [count, ink_boxes.shape[0], 4]))


def _integer(uniform, low: int, high: int):
    return jnp.floor(low + uniform * (high - low + 1))


def _between(uniform, low, high):
    return low + uniform * (high - low)


def _straight(center_x, center_y, width, height, overlap: int, rotation=0.0):
    zeros = jnp.zeros_like(center_x)
    count = center_x.shape[0]
    return Placement(
        center_x,
        zeros + center_y,
        zeros + width,
        zeros + height,
        zeros + rotation,
        jnp.full([count], overlap),
    )


def _tiled(key, ink_boxes) -> Placement:
    del key
    cells = WIDTH / 4 * (jnp.arange(4) + 0.5)
    center_x = jnp.tile(cells[None], [ink_boxes.shape[0], 1])
    return _straight(center_x, 2 + 35 / 2, 38.0, 35.0, KEEP_EARLIER)


def _scattered(key, ink_boxes) -> Placement:
    turn, across, down, advance = _uniform(key, 4, ink_boxes)
    advance = 24 + _integer(advance, 5, 15)
    left = jnp.cumsum(advance, axis=1) - advance + _integer(across, -10, 10)
    top = _integer(down, 0, 11)
    return _straight(
        left + 12, top + 14, 24.0, 28.0, KEEP_EARLIER, _between(turn, -15.0, 15.0)
    )


def _assignment(key, ink_boxes) -> Placement:
    gap, down = _uniform(key, 2, ink_boxes)
    end, lefts = 0.0, []
    for step in _integer(gap, -15, 14).T:
        lefts.append(jnp.maximum(0.0, end + step))
        end = lefts[-1] + DIGIT_SIZE
    center_x = jnp.stack(lefts, axis=1) + DIGIT_SIZE / 2
    center_y = _integer(down, 0, 11) + DIGIT_SIZE / 2
    return _straight(center_x, center_y, DIGIT_SIZE, DIGIT_SIZE, WRAP_AROUND)


def _separate(key, ink_boxes) -> Placement:
    left_share, right_share, down = _uniform(key, 3, ink_boxes)
    shares = jnp.concatenate([left_share, right_share[:, :1]], axis=1)
    shares = -jnp.log(1.0 - shares)
    free = WIDTH - 4 * DIGIT_SIZE
    gaps = free * shares / jnp.sum(shares, axis=1, keepdims=True)
    ends = jnp.floor(jnp.cumsum(gaps[:, :4], axis=1))
    left = ends + DIGIT_SIZE * jnp.arange(4)
    center_y = _integer(down, 0, HEIGHT - DIGIT_SIZE) + DIGIT_SIZE / 2
    half = DIGIT_SIZE / 2
    return _straight(left + half, center_y, DIGIT_SIZE, DIGIT_SIZE, BRIGHTEST)


def _continuum(key, ink_boxes) -> Placement:
    gap, down, size, own_size, aspect, common = _uniform(key, 6, ink_boxes)
    left, right, top, bottom = (ink_boxes[..., side] for side in range(4))
    scale = _between(size[:, :1], 0.65, 1.45) * _between(own_size, 0.9, 1.1)
    stretch = jnp.exp(_between(aspect[:, :1], -0.25, 0.25))
    total = jnp.sum(right - left, axis=1, keepdims=True)
    tallest = jnp.max(bottom - top, axis=1, keepdims=True)
    scale_y = jnp.minimum(scale / stretch, 41.0 / tallest)
    scale_x = jnp.minimum(scale * stretch, 160.0 / total)
    gaps = _between(gap, -3.0, _between(common[:, :1], 0.0, 14.0))
    widths = (right - left) * scale_x
    gaps = gaps.at[:, 0].set(0.0)
    ink_left = jnp.cumsum(gaps + widths, axis=1) - widths
    free = WIDTH - (ink_left + widths)[:, -1:]
    ink_left += jnp.floor(common[:, 1:2] * (jnp.maximum(free, 0.0) + 1))
    free_rows = HEIGHT - (bottom - top) * scale_y
    ink_top = jnp.floor(down * (jnp.maximum(free_rows, 0.0) + 1))
    half = DIGIT_SIZE / 2
    return _straight(
        ink_left + (half - left) * scale_x,
        ink_top + (half - top) * scale_y,
        DIGIT_SIZE * scale_x,
        DIGIT_SIZE * scale_y,
        BRIGHTEST,
    )
