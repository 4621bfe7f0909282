"""Filters of float32 pictures `[h, w, 1]`, in TensorFlow ops."""

import tensorflow as tf


def dilate(values, size: int) -> tf.Tensor:
    """The largest value in the square of `size` around each, `[h, w, 1]`."""
    rows = tf.nn.max_pool2d(values[None], [size, 1], 1, "SAME")
    return tf.nn.max_pool2d(rows, [1, size], 1, "SAME")[0]


def erode(values, size: int) -> tf.Tensor:
    """The smallest value in the square of `size` around each, `[h, w, 1]`."""
    return -dilate(-values, size)


def mean_around(values, size: int) -> tf.Tensor:
    """The mean of the square of `size` around each, `[h, w, 1]`."""
    rows = tf.nn.avg_pool2d(values[None], [size, 1], 1, "SAME")
    return tf.nn.avg_pool2d(rows, [1, size], 1, "SAME")[0]
