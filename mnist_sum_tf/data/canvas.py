"""Tiles of one digit each become the canvas of four."""

import functools

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import placement

TILE_WIDTH = 48


def join_tiles(tiles, tile_left, overlap) -> tf.Tensor:
    """Sets the columns of four tiles per image where they belong.

    Args:
        tiles: uint8 `[batch, 4, TILE_WIDTH + 2, 40]`, column by column; the first
            and the last are black.
        tile_left: int32 `[batch, 4]`, canvas column of a tile's second column.
        overlap: int32 `[batch]`, see `placement.Placement`.

    Returns:
        uint8 `[batch, 40, 168, 1]`.
    """
    columns = tf.range(config.IMAGE_WIDTH) - tile_left[..., tf.newaxis]
    columns = tf.clip_by_value(columns, -1, TILE_WIDTH) + 1
    # Not compiled: these ops move whole columns, XLA would move pixels.
    layers = tf.gather(tiles, columns, batch_dims=2)
    canvas = _meet(layers, tiles[:, 0], tile_left[:, :1], overlap)
    canvas = tf.reshape(canvas, [-1, config.IMAGE_WIDTH, config.IMAGE_HEIGHT])
    return tf.transpose(canvas, [0, 2, 1])[..., tf.newaxis]


@tf.function(jit_compile=True, autograph=False)
def _meet(layers, first_tile, first_left, overlap) -> tf.Tensor:
    """Four layers -> one canvas, by each image's rule of overlap.

    Args:
        layers: uint8 `[batch, 4, 168, 40]`.
        first_tile: uint8 `[batch, TILE_WIDTH + 2, 40]`.
        first_left: int32 `[batch, 1]`, canvas column of its second column.
        overlap: int32 `[batch]`, see `placement.Placement`.

    Returns:
        uint8 `[batch, 168 * 40]`.
    """
    # Pixels of an image in one row: XLA's loops are over the last dimension.
    layers = tf.reshape(layers, [*layers.shape[:2], -1])
    rule = overlap[:, tf.newaxis]

    def meet(old, new):
        bright_or_sum = tf.where(
            rule == placement.BRIGHTEST, tf.maximum(old, new), old + new
        )
        keep = tf.where(old > 0, old, new)
        return tf.where(rule == placement.KEEP_EARLIER, keep, bright_or_sum)

    first, *others = tf.unstack(layers, axis=1)
    height = config.IMAGE_HEIGHT
    pressed = _pressed_column(first_tile, first_left)
    pressed = tf.where(rule == placement.KEEP_EARLIER, pressed, first[:, :height])
    first = tf.concat([pressed, first[:, height:]], axis=1)
    return functools.reduce(meet, others, first)


def _pressed_column(tile, tile_left) -> tf.Tensor:
    """The first canvas column with all ink left of it pressed against it.

    Pixels are written from left to right and ink stays where it is, so each row
    shows its leftmost ink.

    Args, Returns: uint8 `[batch, 40]`, from `first_...` of `_meet`.
    """
    order = tf.range(TILE_WIDTH + 2)
    is_outside = ((order - 1 + tile_left) <= 0)[..., tf.newaxis]
    ink = tf.cast(tile, tf.int32)
    # The leftmost ink has the largest rank; its lowest byte is its value.
    rank = (TILE_WIDTH + 2 - order)[:, tf.newaxis] * 256 + ink
    rank = tf.where(is_outside & (ink > 0), rank, tf.zeros_like(rank))
    return tf.cast(tf.reduce_max(rank, axis=1) % 256, tf.uint8)
