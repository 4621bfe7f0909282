"""Joins four single-digit tiles into one canvas.

A tile is a ring buffer of columns: canvas column c is always stored at index
c modulo `TILE_WIDTH`. So no data has to move: each block of `TILE_WIDTH`
canvas columns reads the same indices of all four tiles.
"""

import functools

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import placement
from mnist_sum_tf.data.compilation import compiled

TILE_WIDTH = 48
_FIRST_COLUMNS = range(0, config.IMAGE_WIDTH, TILE_WIDTH)  # of each round


def ring_offsets(tile_left) -> tf.Tensor:
    """Finds how far right of a tile's left edge each place's column is.

    Args:
        tile_left: int32 `[...]`, canvas column of each tile's leftmost column.

    Returns:
        int32 `[..., TILE_WIDTH]`: 0, ..., `TILE_WIDTH - 1`, rotated.
    """
    place = tf.range(TILE_WIDTH)
    return tf.math.floormod(place - tile_left[..., tf.newaxis], TILE_WIDTH)


def join_tiles(tiles, tile_left, overlap) -> tf.Tensor:
    """Places four tiles per image on the canvas.

    Args:
        tiles: uint8 `[batch, 4, 40, TILE_WIDTH]`, rings of columns.
        tile_left: int32 `[batch, 4]`, canvas column of a tile's leftmost column.
        overlap: int32 `[batch]`, see `placement.Placement`.

    Returns:
        uint8 `[batch, 40, 168, 1]`.
    """
    # Not compiled: this moves whole rows of memory, XLA would move pixels.
    canvas = tf.concat(_column_blocks(tiles, tile_left, overlap), axis=2)
    return canvas[..., tf.newaxis]


@compiled
def _column_blocks(tiles, tile_left, overlap) -> list[tf.Tensor]:
    """The canvas in parts, uint8 `[batch, 40, TILE_WIDTH]`, the last one narrower.

    Args: see `join_tiles`.
    """
    pressed = _pressed_column(tiles[:, 0], tile_left[:, 0])
    parts = []
    for first in _FIRST_COLUMNS:
        width = min(TILE_WIDTH, config.IMAGE_WIDTH - first)
        past = tf.range(first, first + width) - tile_left[..., tf.newaxis]
        # As uint8, like the pixels, so that both vectorise at the same width.
        reached = tf.where((past >= 0) & (past < TILE_WIDTH), 255, 0)
        reached = tf.cast(reached, tf.uint8)[:, :, tf.newaxis]
        layers = tf.bitwise.bitwise_and(tiles[..., :width], reached)
        layers = tf.unstack(layers, axis=1)
        if first == 0:
            is_pressed = (overlap == placement.KEEP_EARLIER)[:, tf.newaxis, tf.newaxis]
            is_pressed &= tf.range(width) == 0
            layers[0] = tf.where(is_pressed, pressed[..., tf.newaxis], layers[0])
        parts.append(_merge_layers(layers, overlap))
    return parts


def _merge_layers(layers, overlap) -> tf.Tensor:
    """Merges one-digit layers, uint8 `[batch, 40, n]`, by each image's `overlap`."""
    rule = overlap[:, tf.newaxis, tf.newaxis]

    def meet(old, new):
        bright_or_sum = tf.where(
            rule == placement.BRIGHTEST, tf.maximum(old, new), old + new
        )
        keep = tf.where(old > 0, old, new)
        return tf.where(rule == placement.KEEP_EARLIER, keep, bright_or_sum)

    return functools.reduce(meet, layers)


def _pressed_column(tile, tile_left) -> tf.Tensor:
    """Canvas column 0, with all ink left of the canvas pushed into it.

    Pixels are written from left to right and ink stays where it is, so each row
    shows its leftmost ink.

    Args:
        tile: uint8 `[batch, 40, TILE_WIDTH]`, an image's first.
        tile_left: int32 `[batch]`.

    Returns:
        uint8 `[batch, 40]`.
    """
    past = ring_offsets(tile_left)
    is_outside = (past + tile_left[:, tf.newaxis] <= 0)[:, tf.newaxis]
    ink = tf.cast(tile, tf.int32)
    # The leftmost ink has the largest rank; its lowest byte is its value.
    rank = (TILE_WIDTH - past)[:, tf.newaxis] * 256 + ink
    rank = tf.where(is_outside & (ink > 0), rank, tf.zeros_like(rank))
    return tf.cast(tf.reduce_max(rank, axis=2) % 256, tf.uint8)
