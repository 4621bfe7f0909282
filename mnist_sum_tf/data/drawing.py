"""Digits and a placement become pixels.

Each digit is drawn into a tile as high as the canvas, then the tile's columns
are set where they belong. The work on pixels is compiled by XLA, which makes
one loop of many operations.
Random numbers are drawn outside, so that they are TensorFlow's own.
"""

import functools

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import handwriting, layouts
from mnist_sum_tf.data.canvas import TILE_WIDTH, join_tiles

DIGIT_SIZE = layouts.DIGIT_SIZE
# The middles of a tile's pixels; a black column stands on either side.
_TILE_X = np.arange(-1, TILE_WIDTH + 1, dtype=np.float32) + 0.5
_TILE_Y = np.arange(config.IMAGE_HEIGHT, dtype=np.float32) + 0.5
compiled = functools.partial(tf.function, jit_compile=True, autograph=False)
change_stroke = compiled(handwriting.change_stroke)
_spread_bends = compiled(handwriting.spread_bends)
# By itself: where XLA fuses it with the arithmetic before and after, none is done
# on several pixels at once (all takes four times as long); not compiled, the
# look-up takes nine times as long.
look_up = compiled(tf.gather)


@compiled
def ink_boxes(digits) -> tf.Tensor:
    """Finds the smallest box around each digit's ink.

    Args:
        digits: uint8 `[batch, 4, 28, 28]`.

    Returns:
        float32 `[batch, 4, 4]`: left, right, top, bottom; right and bottom are
        one past the last pixel. A digit without ink has the whole box.
    """

    def ends(has_ink):
        place = tf.range(DIGIT_SIZE)
        first = tf.where(has_ink, place, DIGIT_SIZE)
        last = tf.where(has_ink, place + 1, 0)
        return tf.reduce_min(first, axis=-1), tf.reduce_max(last, axis=-1)

    (left, right), (top, bottom) = (
        ends(tf.reduce_max(digits, axis=axis) > 0) for axis in (2, 3)
    )
    has_no_ink = right == 0
    left, top = (tf.where(has_no_ink, 0, end) for end in (left, top))
    right, bottom = (tf.where(has_no_ink, DIGIT_SIZE, end) for end in (right, bottom))
    return tf.cast(tf.stack([left, right, top, bottom], axis=-1), tf.float32)


def compose(
    digits, placement: layouts.Placement, seed, nearest_images: int = 0
) -> tf.Tensor:
    """Draws each digit where and how its placement says.

    Args:
        digits: uint8 `[batch, 4, 28, 28]`.
        placement: see `layouts.Placement`.
        seed: int `[2]`, the seed of the elastic bending.
        nearest_images: the last so many images take the nearest pixel, which
            leaves ragged edges; the others are interpolated.

    Returns:
        uint8 `[batch, 40, 168, 1]`.
    """
    batch_size = digits.shape[0]
    flat = tf.reshape(digits, [-1, DIGIT_SIZE, DIGIT_SIZE])
    if placement.stroke is not None:
        stroke = tf.reshape(placement.stroke, [-1])
        flat = change_stroke(flat, stroke)
    tile_left = tf.floor(placement.center_x) - TILE_WIDTH // 2
    in_tile = placement._replace(center_x=placement.center_x - tile_left)
    is_nearest = np.arange(batch_size) >= batch_size - nearest_images
    place, *shares = _places(
        tile_to_digit(in_tile), _bends(in_tile, seed),
        np.repeat(is_nearest, config.NUM_DIGITS),
    )  # fmt: skip
    packed = look_up(tf.reshape(packed_neighbours(flat), [-1]), place)
    tiles = interpolate(packed, *shares)
    tiles = tf.reshape(
        tiles,
        [batch_size, config.NUM_DIGITS, TILE_WIDTH + 2, config.IMAGE_HEIGHT],
    )
    tile_left = tf.cast(tile_left, tf.int32)
    return join_tiles(tiles, tile_left, placement.overlap)


def _bends(placement: layouts.Placement, seed):
    """How each tile's ink is bent; see `handwriting.spread_bends`."""
    if placement.bend_pixels is None:
        return None
    center_x, center_y, width, height, amplitude = (
        tf.reshape(values, [-1, 1])
        for values in (*placement[:4], placement.bend_pixels)
    )
    bends = handwriting.random_bends(amplitude[:, 0], seed)
    x, y = (_TILE_X - center_x) / width, (_TILE_Y - center_y) / height
    return _spread_bends(bends, x, y)


@compiled
def packed_neighbours(images) -> tf.Tensor:
    """Packs each pixel, its right, its lower and its diagonal neighbour.

    One look-up then brings all that bilinear interpolation needs.

    Args:
        images: uint8 `[n, height, width]`.

    Returns:
        int32 `[n, height + 2, width + 2]`, four bytes each; the first is pixel
        (-1, -1).
    """
    pixels = tf.cast(tf.pad(images, [[0, 0], [1, 2], [1, 2]]), tf.int32)
    packed = pixels[:, :-1, :-1]
    packed += pixels[:, :-1, 1:] * 2**8 + pixels[:, 1:, :-1] * 2**16
    return packed + tf.bitwise.left_shift(pixels[:, 1:, 1:], 24)


@compiled
def _places(affine, bends, is_nearest):
    """Where each pixel of n tiles comes from.

    Tiles are transposed, x before y, so that setting one into the canvas moves
    whole columns of memory; their first and last columns are black.

    Args:
        affine: see `tile_to_digit`.
        bends: see `handwriting.spread_bends`, or `None`.
        is_nearest: bool `[n]`, whether to take the nearest pixel.

    Returns:
        The place in `packed_neighbours` of the pixel to the upper left, int32
        `[n, TILE_WIDTH + 2, 40]`, and how far the point lies from there to the
        right and down, float32 in [0, 1].
    """
    x, y = _TILE_X[:, np.newaxis], _TILE_Y
    u_dx, u_dy, u_0, v_dx, v_dy, v_0 = tf.unstack(
        affine[:, :, tf.newaxis, tf.newaxis], axis=1
    )
    u, v = u_0 + u_dx * x + u_dy * y, v_0 + v_dx * x + v_dy * y
    if bends is not None:
        field = handwriting.bend_field(*bends)
        u, v = u + field[:, 0], v + field[:, 1]
    # Black outside of the digit, and in the tile's outer columns.
    inside = (x > 0) & (x < TILE_WIDTH)
    u = tf.where(inside, u, -tf.ones_like(u))
    u = tf.clip_by_value(u, -1.0, float(DIGIT_SIZE)) + 1
    v = tf.clip_by_value(v, -1.0, float(DIGIT_SIZE)) + 1
    left, top = tf.floor(u), tf.floor(v)
    is_nearest = is_nearest[:, tf.newaxis, tf.newaxis]
    shares = [
        tf.where(is_nearest, tf.round(share), share) for share in (u - left, v - top)
    ]
    size = DIGIT_SIZE + 2
    digit = tf.range(u.shape[0])[:, tf.newaxis, tf.newaxis]
    # Added before, since turning into whole numbers is what takes time.
    return digit * size**2 + tf.cast(top * size + left, tf.int32), *shares


@compiled
def interpolate(packed, share_u, share_v) -> tf.Tensor:
    """Bilinear interpolation between the four pixels of each look-up.

    Args:
        packed: int32, of `packed_neighbours`.
        share_u: float32 of that shape in [0, 1], how far to the right.
        share_v: likewise, how far down.

    Returns:
        uint8 of that shape.
    """

    def pixel(byte):
        shifted = tf.bitwise.right_shift(packed, 8 * byte)
        return tf.cast(tf.bitwise.bitwise_and(shifted, 255), tf.float32)

    upper = pixel(0) + share_u * (pixel(1) - pixel(0))
    lower = pixel(2) + share_u * (pixel(3) - pixel(2))
    return tf.cast(upper + share_v * (lower - upper), tf.uint8)


def tile_to_digit(placement: layouts.Placement) -> tf.Tensor:
    """The affine map from a place in a tile to the pixel of the digit there.

    Away from the box' centre a canvas offset (dx, dy) is turned back, sheared
    and scaled to the 28x28 box, where v' = cos dy - sin dx:
    u = 28/width (cos dx + sin dy + shear v'), v = 28/height v'.

    Returns:
        float32 `[n, 6]`: u's change along x and y, and u at the tile's corner;
        the same of v.
    """
    angle = placement.rotation_degrees * (np.pi / 180)
    cos, sin = tf.cos(angle), tf.sin(angle)
    scale_x = DIGIT_SIZE / placement.width
    scale_y = DIGIT_SIZE / placement.height
    # `+ shear * v'` leans the digit to the right, as handwriting does.
    u_dx = scale_x * (cos - placement.shear * sin)
    u_dy = scale_x * (sin + placement.shear * cos)
    v_dx, v_dy = -scale_y * sin, scale_y * cos
    center = (DIGIT_SIZE - 1) / 2
    u_0 = center - u_dx * placement.center_x - u_dy * placement.center_y
    v_0 = center - v_dx * placement.center_x - v_dy * placement.center_y
    affine = tf.stack([u_dx, u_dy, u_0, v_dx, v_dy, v_0], axis=-1)
    return tf.reshape(affine, [-1, 6])
