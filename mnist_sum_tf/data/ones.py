"""Ones with a flag and a foot, as they are written in much of the world.

MNIST, written in America, has hardly any: a model that has seen only strokes
takes a flagged one for a seven.
"""

import numpy as np
import tensorflow as tf

from mnist_sum_tf.config import DIGIT_SIZE

SHARE = 0.25  # of the ones get a flag; half of these a foot as well


def embellish_ones(digits, labels, seed) -> tf.Tensor:
    """Draws flags and feet on a share of the ones.

    A flag runs from the top of the ink to the left and down, at least half as
    far down as to the left (flatter, it would make a seven). A foot is a level
    line below. Both are as wide as the digit's own stroke.

    Args:
        digits: uint8 `[n, 28, 28]`.
        labels: integer `[n]`; digits other than 1 are left as they are.
        seed: int `[2]`.

    Returns:
        uint8 `[n, 28, 28]`.
    """
    uniform = tf.random.stateless_uniform([5, tf.shape(digits)[0]], seed)
    has_flag = (tf.cast(labels, tf.int32) == 1) & (uniform[3] < SHARE)
    # Few digits get a flag; the others cost nothing.
    rows = tf.where(has_flag)
    flagged = _draw(tf.gather_nd(digits, rows), tf.gather(uniform, rows[:, 0], axis=1))
    return tf.tensor_scatter_nd_update(digits, rows, flagged)


def _draw(digits, uniform) -> tf.Tensor:
    """Draws a flag on each digit, and a foot under half of them.

    Args:
        digits: uint8 `[n, 28, 28]`.
        uniform: float32 `[5, n]` in [0, 1), the random numbers to use.
    """
    top, bottom, height, stroke = _ends(digits)
    across = height * (0.15 + 0.25 * uniform[0])
    down = across * 0.5 + height * 0.3 * uniform[1]
    flag = _line(top, (top[0] - across, top[1] + down), stroke)
    half = height * (0.15 + 0.15 * uniform[2])
    left, right = (bottom[0] - half, bottom[1]), (bottom[0] + half, bottom[1])
    has_foot = (uniform[4] < 0.5)[:, tf.newaxis, tf.newaxis]
    foot = tf.where(has_foot, _line(left, right, stroke), 0)
    return tf.maximum(digits, tf.maximum(flag, foot))


def _ends(digits):
    """The top and the bottom of the ink, its height, its stroke's width.

    Returns:
        Two pairs (column, row), and two numbers; each float32 `[n]`, in pixels.
    """
    ink = tf.cast(digits, tf.float32) / 255
    place = tf.range(DIGIT_SIZE, dtype=tf.float32)
    has_ink = tf.reduce_max(ink, axis=2) > 0.5
    first = tf.reduce_min(tf.where(has_ink, place, DIGIT_SIZE - 1.0), axis=1)
    last = tf.reduce_max(tf.where(has_ink, place, 0.0), axis=1)

    def middle_of_row(row):
        pixels = tf.where(
            place[:, tf.newaxis] == row[:, tf.newaxis, tf.newaxis],
            ink,
            tf.zeros_like(ink),
        )
        weight = tf.reduce_sum(pixels, axis=[1, 2])
        return tf.reduce_sum(pixels * place, axis=[1, 2]) / (weight + 1e-6)

    height = tf.maximum(1.0, last - first + 1)
    width = tf.reduce_sum(ink, axis=[1, 2]) / height
    top, bottom = (middle_of_row(first), first), (middle_of_row(last), last)
    return top, bottom, height, tf.clip_by_value(width, 1.0, 4.0)


def _line(start, end, width) -> tf.Tensor:
    """A line with round ends and soft edges, uint8 `[n, 28, 28]`."""
    start_x, start_y, end_x, end_y, width = (
        value[:, tf.newaxis, tf.newaxis] for value in (*start, *end, width)
    )
    place = np.arange(DIGIT_SIZE, dtype=np.float32)
    x, y = place - start_x, place[:, np.newaxis] - start_y
    run_x, run_y = end_x - start_x, end_y - start_y
    length = run_x**2 + run_y**2
    along = tf.clip_by_value((x * run_x + y * run_y) / length, 0.0, 1.0)
    distance = tf.sqrt((x - along * run_x) ** 2 + (y - along * run_y) ** 2)
    ink = tf.clip_by_value(width / 2 + 0.5 - distance, 0.0, 1.0)
    return tf.cast(tf.round(255 * ink), tf.uint8)
