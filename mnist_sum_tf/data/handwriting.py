"""How one digit is written: thicker, thinner, bent."""

import numpy as np
import tensorflow as tf

from mnist_sum_tf.data.layouts import DIGIT_SIZE

BEND_GRID = 4  # random displacements per side, spread over the digit


def change_stroke(digits, stroke) -> tf.Tensor:
    """Thickens (`stroke` to +1) or thins (to -1) by up to one pixel.

    Args:
        digits: uint8 `[n, 28, 28]`.
        stroke: float32 `[n]` in [-1, 1]; the share of the way from the digit to
            its dilation or erosion by the four neighbours.

    Returns:
        uint8 `[n, 28, 28]`.
    """
    padded = tf.pad(digits, [[0, 0], [1, 1], [1, 1]])
    up, down = padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]
    left, right = padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]

    def of_neighbours(op):
        return op(digits, op(op(up, down), op(left, right)))

    share = stroke[:, tf.newaxis, tf.newaxis]
    goal = tf.where(
        share > 0, of_neighbours(tf.maximum), of_neighbours(tf.minimum)
    )
    digits, goal = tf.cast(digits, tf.float32), tf.cast(goal, tf.float32)
    blend = digits + tf.abs(share) * (goal - digits)
    return tf.cast(tf.round(blend), tf.uint8)


def _bend_weights() -> np.ndarray:
    """Spreads a coarse grid of numbers over 28 pixels, float32 `[28, grid]`.

    Raised cosines: smooth, at most 1 in all, zero change at the grid's ends.
    """
    pixels = np.linspace(0, BEND_GRID - 1, DIGIT_SIZE)[:, np.newaxis]
    distance = np.minimum(1, np.abs(pixels - np.arange(BEND_GRID)))
    return (0.5 + 0.5 * np.cos(np.pi * distance)).astype(np.float32)


def bend(digits, amplitude, seed) -> tf.Tensor:
    """Bends each digit by a smooth random displacement (elastic distortion).

    After Simard, Steinkraus and Platt, "Best practices for convolutional neural
    networks applied to visual document analysis" (2003), with a coarse random
    grid in place of a blurred field.

    Args:
        digits: uint8 `[n, 28, 28]`.
        amplitude: float32 `[n]`, the largest displacement in pixels.
        seed: int `[2]`.

    Returns:
        uint8 `[n, 28, 28]`.
    """
    count = tf.shape(digits)[0]
    grid = tf.random.stateless_uniform(
        [count, 2, BEND_GRID, BEND_GRID], seed, -1.0, 1.0
    )
    grid *= amplitude[:, tf.newaxis, tf.newaxis, tf.newaxis]
    weights = _bend_weights()
    field = tf.einsum("yi,ndij,xj->ndyx", weights, grid, weights)
    return _sample(digits, field[:, 0], field[:, 1])


def _sample(digits, move_y, move_x) -> tf.Tensor:
    """Bilinear look-up of each pixel at a displaced place; clamped at edges."""
    count = tf.shape(digits)[0]
    pixels = tf.range(DIGIT_SIZE, dtype=tf.float32)
    limit = DIGIT_SIZE - 1.001
    y = tf.clip_by_value(pixels[:, tf.newaxis] + move_y, 0.0, limit)
    x = tf.clip_by_value(pixels + move_x, 0.0, limit)
    top, left = tf.floor(y), tf.floor(x)
    share_y, share_x = y - top, x - left
    offset = tf.range(count)[:, tf.newaxis, tf.newaxis] * DIGIT_SIZE**2
    corner = offset + tf.cast(top * DIGIT_SIZE + left, tf.int32)
    flat = tf.cast(tf.reshape(digits, [-1]), tf.float32)

    def row(first):
        """Interpolates between two neighbours of a row."""
        pixel, next_pixel = (tf.gather(flat, first + i) for i in (0, 1))
        return pixel + share_x * (next_pixel - pixel)

    upper, lower = row(corner), row(corner + DIGIT_SIZE)
    return tf.cast(tf.round(upper + share_y * (lower - upper)), tf.uint8)
