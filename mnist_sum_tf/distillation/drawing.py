"""Draws digits as single images for teachers, as canvases for the student.

The functions of `data.drawing` and `data.canvas` for a GPU, in JAX.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from mnist_sum_tf.config import DIGIT_SIZE
from mnist_sum_tf.distillation.deformed_digits import (
    Variation,
    change_stroke,
    displacement_field,
)
from mnist_sum_tf.distillation.placements import (
    BRIGHTEST,
    HEIGHT,
    KEEP_EARLIER,
    WIDTH,
    Placement,
)

TILE_WIDTH = 48
# The middles of a tile's pixels; a black column stands on either side.
_TILE_X = np.arange(-1, TILE_WIDTH + 1, dtype=np.float32) + 0.5
_TILE_Y = np.arange(HEIGHT, dtype=np.float32) + 0.5
_DIGIT_PLACE = np.arange(DIGIT_SIZE, dtype=np.float32) + 0.5


def single_digits(digits, variation: Variation) -> jax.Array:
    """Each digit by itself, at its usual size.

    Args:
        digits: float32 `[n, 4, 28, 28]`, see `varied_digits`.
        variation: of those n images.

    Returns:
        float32 `[4 n, 28, 28, 1]`, whole numbers from 0 to 255.
    """
    zeros = jnp.zeros_like(variation.shear)
    center, size = zeros + DIGIT_SIZE / 2, zeros + DIGIT_SIZE
    standing = Placement(center, center, size, size, zeros, None)
    tiles = _tiles(digits, standing, variation, _DIGIT_PLACE, _DIGIT_PLACE, 0)
    return tiles.reshape(-1, DIGIT_SIZE, DIGIT_SIZE, 1)


def canvases(
    digits, placement: Placement, variation: Variation, nearest_images: int = 0
) -> jax.Array:
    """Four digits to an image.

    Args:
        digits: float32 `[n, 4, 28, 28]`, see `varied_digits`.
        placement: positions before the variation.
        variation: the variation to apply.
        nearest_images: number of last images drawn by nearest neighbour.

    Returns:
        float32 `[n, 40, 168, 1]`, whole numbers from 0 to 255.
    """
    center_x = placement.center_x + variation.offset_x
    tile_left = jnp.floor(center_x) - TILE_WIDTH // 2
    # The variation's offset comes on top in `_tiles`.
    in_tile = placement._replace(center_x=placement.center_x - tile_left)
    tiles = _tiles(digits, in_tile, variation, _TILE_X, _TILE_Y, nearest_images)
    return _joined(tiles, tile_left.astype(jnp.int32), placement.overlap)[..., None]


def _tile_to_digit(width, height, rotation_degrees, shear):
    """How a digit's column u and row v change along a tile's x and y.

    Args:
        width, height, rotation_degrees, shear: float32 `[n]`.

    Returns:
        (u by x, u by y), (v by x, v by y), each float32 `[n, 1, 1]`.
    """
    angle = rotation_degrees * (np.pi / 180)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    along_u = (cos - shear * sin, sin + shear * cos)
    across, down = DIGIT_SIZE / width, DIGIT_SIZE / height
    u = tuple((across * each)[:, None, None] for each in along_u)
    v = tuple((down * each)[:, None, None] for each in (-sin, cos))
    return u, v


def _tiles(digits, placement, variation, tile_x, tile_y, nearest_images: int):
    """float32 `[n, 4, rows, columns]`."""
    count = digits.shape[0]

    def flat(values):
        return values.reshape(count * 4, *values.shape[2:])

    pixels = change_stroke(flat(digits), flat(variation.stroke))
    center_x = flat(placement.center_x + variation.offset_x)
    center_y = flat(placement.center_y + variation.offset_y)
    width = flat(placement.width * jnp.exp(variation.log_width))
    height = flat(placement.height * jnp.exp(variation.log_height))
    angle = flat(placement.rotation_degrees + variation.rotation_degrees)
    field = displacement_field(
        flat(variation.displacements),
        (tile_x - center_x[:, None]) / width[:, None],
        (tile_y - center_y[:, None]) / height[:, None],
    )
    (u_dx, u_dy), (v_dx, v_dy) = _tile_to_digit(
        width, height, angle, flat(variation.shear)
    )
    x = tile_x - center_x[:, None, None]
    y = tile_y[:, None] - center_y[:, None, None]
    center = (DIGIT_SIZE - 1) / 2
    u = center + u_dx * x + u_dy * y + field[:, 0]
    v = center + v_dx * x + v_dy * y + field[:, 1]
    if len(tile_x) == TILE_WIDTH + 2:
        u = jnp.where((tile_x > 0) & (tile_x < TILE_WIDTH), u, -1.0)
    is_nearest = np.repeat(np.arange(count) >= count - nearest_images, 4)
    drawn = _interpolated(pixels, u, v, is_nearest[:, None, None])
    return drawn.reshape(count, 4, len(tile_y), len(tile_x))


def _interpolated(pixels, u, v, is_nearest) -> jax.Array:
    """Looks up pixels of n digits between their pixels; black outside."""
    u = jnp.clip(u, -1.0, float(DIGIT_SIZE)) + 1
    v = jnp.clip(v, -1.0, float(DIGIT_SIZE)) + 1
    left, top = jnp.floor(u), jnp.floor(v)
    share_u, share_v = (
        jnp.where(is_nearest, jnp.round(share), share) for share in (u - left, v - top)
    )
    padded = jnp.pad(pixels, [[0, 0], [1, 2], [1, 2]]).astype(jnp.uint32)
    packed = padded[:, :-1, :-1] | padded[:, :-1, 1:] << 8
    packed |= padded[:, 1:, :-1] << 16 | padded[:, 1:, 1:] << 24
    size = DIGIT_SIZE + 2
    place = top.astype(jnp.int32) * size + left.astype(jnp.int32)
    place += jnp.arange(len(pixels))[:, None, None] * size * size
    found = packed.reshape(-1)[place]

    def pixel(byte):
        return (found >> (8 * byte) & 255).astype(jnp.float32)

    upper = pixel(0) + share_u * (pixel(1) - pixel(0))
    lower = pixel(2) + share_u * (pixel(3) - pixel(2))
    return jnp.floor(upper + share_v * (lower - upper))


def _joined(tiles, tile_left, overlap) -> jax.Array:
    """`[n, 4, 40, TILE_WIDTH + 2]` to `[n, 40, 168]`."""
    columns = jnp.arange(WIDTH) - tile_left[..., None]
    columns = jnp.clip(columns, -1, TILE_WIDTH) + 1
    layers = jnp.take_along_axis(tiles, columns[:, :, None, :], axis=3)
    rule = overlap[:, None, None]

    def meet(old, new):
        added = jnp.where(rule == BRIGHTEST, jnp.maximum(old, new), (old + new) % 256)
        keep = jnp.where(old > 0, old, new)
        return jnp.where(rule == KEEP_EARLIER, keep, added)

    first, *others = (layers[:, digit] for digit in range(4))
    pressed = _pressed_column(tiles[:, 0], tile_left[:, :1])[..., None]
    is_pressed = (jnp.arange(WIDTH) == 0) & (rule == KEEP_EARLIER)
    return functools.reduce(meet, others, jnp.where(is_pressed, pressed, first))


def _pressed_column(tile, tile_left) -> jax.Array:
    """See `data.canvas`; `[n, 40, TILE_WIDTH + 2]` to `[n, 40]`."""
    order = jnp.arange(TILE_WIDTH + 2)
    is_outside = ((order - 1 + tile_left) <= 0)[:, None]
    rank = (TILE_WIDTH + 2 - order) * 256 + tile
    rank = jnp.where(is_outside & (tile > 0), rank, 0)
    return jnp.max(rank, axis=2) % 256
