"""Resizes coarse grids of numbers to the size of a canvas."""

import functools

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config


def enlarge(grid, method: str) -> tf.Tensor:
    """`tf.image.resize` as two matrix products, which XLA has for every method.

    Args:
        grid: float32 `[n, rows, columns]`.
        method: of `tf.image.resize`.

    Returns:
        float32 `[n, 40, 168]`.
    """
    rows, columns = grid.shape[1:]
    of_columns = _shares(columns, config.IMAGE_WIDTH, method)
    of_rows = _shares(rows, config.IMAGE_HEIGHT, method)
    across = tf.einsum("nrc,xc->nrx", grid, of_columns)
    return tf.einsum("nrx,yr->nyx", across, of_rows)


@functools.cache
def _shares(size: int, new_size: int, method: str) -> np.ndarray:
    """Weight of each old pixel in each new one, float32 `[new_size, size]`."""
    with tf.init_scope():
        impulses = tf.eye(size)[tf.newaxis, ..., tf.newaxis]
        return tf.image.resize(impulses, [new_size, size], method)[0, ..., 0].numpy()
