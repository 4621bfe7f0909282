"""Digits and a placement become pixels.

Each digit is drawn into a tile as high as the canvas, then the tiles are joined
(see `canvas`). The work on pixels is compiled (see `compilation`).
Random numbers are drawn outside, so that they are TensorFlow's own.
"""

import functools

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import handwriting
from mnist_sum_tf.data.canvas import TILE_WIDTH, join_tiles, ring_offsets
from mnist_sum_tf.data.compilation import compiled
from mnist_sum_tf.data.placement import Placement

_TILE_Y = np.arange(config.IMAGE_HEIGHT, dtype=np.float32) + 0.5  # pixels' middles
change_stroke = compiled(handwriting.change_stroke)
# Compiled by itself: fused with the arithmetic around it, XLA vectorises none of
# that (the whole takes four times as long); not compiled, the
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

    # Four pixels at once: a word of 32 bits is zero where all of them are.
    words = tf.reshape(digits, [*digits.shape[:3], config.DIGIT_SIZE // 4, 4])
    words = tf.bitcast(words, tf.int32)
    in_rows = functools.reduce(tf.bitwise.bitwise_or, tf.unstack(words, axis=3))
    in_columns = functools.reduce(tf.bitwise.bitwise_or, tf.unstack(words, axis=2))
    in_columns = tf.reshape(tf.bitcast(in_columns, tf.uint8), in_rows.shape)

    def ends(ink):
        place = tf.range(config.DIGIT_SIZE)
        first = tf.where(ink != 0, place, config.DIGIT_SIZE)
        last = tf.where(ink != 0, place + 1, 0)
        return tf.reduce_min(first, axis=-1), tf.reduce_max(last, axis=-1)

    (left, right), (top, bottom) = ends(in_columns), ends(in_rows)
    has_no_ink = right == 0
    left, top = (tf.where(has_no_ink, 0, end) for end in (left, top))
    right = tf.where(has_no_ink, config.DIGIT_SIZE, right)
    bottom = tf.where(has_no_ink, config.DIGIT_SIZE, bottom)
    return tf.cast(tf.stack([left, right, top, bottom], axis=-1), tf.float32)


def compose(digits, placement: Placement, seed, nearest_images: int = 0) -> tf.Tensor:
    """Draws each digit where and how its placement says.

    Args:
        digits: uint8 `[batch, 4, 28, 28]`.
        placement: see `placement.Placement`.
        seed: int `[2]`, the seed of the elastic deformation.
        nearest_images: number of last images drawn by nearest neighbour, which
            leaves ragged edges; the others are interpolated.

    Returns:
        uint8 `[batch, 40, 168, 1]`.
    """
    batch_size = digits.shape[0]
    flat = tf.reshape(digits, [-1, config.DIGIT_SIZE, config.DIGIT_SIZE])
    if placement.stroke is not None:
        stroke = tf.reshape(placement.stroke, [-1])
        flat = change_stroke(flat, stroke)
    tile_left = tf.cast(tf.floor(placement.center_x), tf.int32) - TILE_WIDTH // 2
    in_tile = placement._replace(
        center_x=placement.center_x - tf.cast(tile_left, tf.float32)
    )
    displacements = None
    if placement.elastic_pixels is not None:
        amplitude = tf.reshape(placement.elastic_pixels, [-1])
        displacements = handwriting.random_displacements(amplitude, seed)
    is_nearest = np.arange(batch_size) >= batch_size - nearest_images
    place, *shares = _places(
        tile_to_digit(in_tile),
        *_columns(in_tile, tile_left, displacements),
        np.repeat(is_nearest, config.NUM_DIGITS),
    )
    packed = look_up(tf.reshape(packed_neighbours(flat), [-1]), place)
    tiles = interpolate(packed, *shares)
    tiles = tf.reshape(tiles, [batch_size, config.NUM_DIGITS, *tiles.shape[1:]])
    return join_tiles(tiles, tile_left, placement.overlap)


@compiled
def _columns(placement: Placement, tile_left, displacements):
    """The columns of each tile's ring, and how their ink is deformed.

    Args:
        placement: as seen from each tile's left edge.
        tile_left: int32 `[batch, 4]`, canvas column of a tile's leftmost column.
        displacements: see `handwriting.random_displacements`, or `None`.

    Returns:
        The columns' middles, from the tile's left edge, float32 `[n, TILE_WIDTH]`;
        and what `handwriting.spread_displacements` returns, or `None`.
    """
    past = tf.reshape(ring_offsets(tile_left), [-1, TILE_WIDTH])
    tile_x = tf.cast(past, tf.float32) + 0.5
    if displacements is None:
        return tile_x, None
    center_x, center_y, width, height = (
        tf.reshape(values, [-1, 1]) for values in placement[:4]
    )
    x, y = (tile_x - center_x) / width, (_TILE_Y - center_y) / height
    return tile_x, handwriting.spread_displacements(displacements, x, y)


@compiled
def packed_neighbours(images) -> tf.Tensor:
    """Packs each pixel, its right, its lower and its diagonal neighbour.

    A single look-up then fetches all that bilinear interpolation needs.

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
def _places(affine, tile_x, displacements, is_nearest):
    """Computes each pixel's source position in its digit, for n tiles.

    Args:
        affine: see `tile_to_digit`.
        tile_x: float32 `[n, TILE_WIDTH]`, see `_columns`.
        displacements: see `handwriting.spread_displacements`, or `None`.
        is_nearest: bool `[n]`, whether to take the nearest pixel.

    Returns:
        The place in `packed_neighbours` of the pixel to the upper left, int32
        `[n, 40, TILE_WIDTH]`, and how far the point lies from there to the right and
        down, float32 in [0, 1].
    """
    x, y = tile_x[:, tf.newaxis], _TILE_Y[:, np.newaxis]
    u_dx, u_dy, u_0, v_dx, v_dy, v_0 = tf.unstack(
        affine[:, :, tf.newaxis, tf.newaxis], axis=1
    )
    u, v = u_0 + u_dx * x + u_dy * y, v_0 + v_dx * x + v_dy * y
    if displacements is not None:
        field = handwriting.displacement_field(*displacements)
        u, v = u + field[:, 0], v + field[:, 1]
    # Black outside of the digit.
    u = tf.clip_by_value(u, -1.0, float(config.DIGIT_SIZE)) + 1
    v = tf.clip_by_value(v, -1.0, float(config.DIGIT_SIZE)) + 1
    left, top = tf.floor(u), tf.floor(v)
    is_nearest = is_nearest[:, tf.newaxis, tf.newaxis]
    shares = [
        tf.where(is_nearest, tf.round(share), share) for share in (u - left, v - top)
    ]
    size = config.DIGIT_SIZE + 2
    digit = tf.range(u.shape[0])[:, tf.newaxis, tf.newaxis]
    # Added before casting, since the cast to integers is the slow part.
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


def tile_to_digit(placement: Placement) -> tf.Tensor:
    """The affine map from a place in a tile to the pixel of the digit there.

    A canvas offset (dx, dy) from the box' centre is rotated back, sheared
    and scaled to the 28x28 box, where v' = cos dy - sin dx:
    u = 28/width (cos dx + sin dy + shear v'), v = 28/height v'.

    Returns:
        float32 `[n, 6]`: u's change along x and y, and u at the tile's corner;
        the same of v.
    """
    angle = placement.rotation_degrees * (np.pi / 180)
    cos, sin = tf.cos(angle), tf.sin(angle)
    scale_x = config.DIGIT_SIZE / placement.width
    scale_y = config.DIGIT_SIZE / placement.height
    # `+ shear * v'` leans the digit to the right, as handwriting does.
    u_dx = scale_x * (cos - placement.shear * sin)
    u_dy = scale_x * (sin + placement.shear * cos)
    v_dx, v_dy = -scale_y * sin, scale_y * cos
    center = (config.DIGIT_SIZE - 1) / 2
    u_0 = center - u_dx * placement.center_x - u_dy * placement.center_y
    v_0 = center - v_dx * placement.center_x - v_dy * placement.center_y
    affine = tf.stack([u_dx, u_dy, u_0, v_dx, v_dy, v_0], axis=-1)
    return tf.reshape(affine, [-1, 6])
