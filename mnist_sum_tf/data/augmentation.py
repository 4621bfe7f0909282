"""Random augmentation of the user's own images: shifts, rotation, deformation, ...

In composites each digit is deformed by itself (`layouts.mixed`); here the positions
of digits are unknown, so the image is transformed as a whole.
"""

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import drawing
from mnist_sum_tf.data.compilation import compiled
from mnist_sum_tf.data.placement import image_strength

# How far changes go, at full strength, to either side.
ACROSS_PIXELS = 4.0
DOWN_PIXELS = 3.0
ROTATION_DEGREES = 2.0  # the ends of the row move by three pixels
SHEAR = 0.25  # horizontal pixels per vertical pixel
LOG_WIDTH = 0.08
LOG_HEIGHT = 0.12
STROKE = 0.5  # see `handwriting.change_stroke`
ELASTIC_PIXELS = 2.2
_ELASTIC_SHAPE = (5, 19)  # random displacements, some nine pixels apart


def augment_images(images, seed) -> tf.Tensor:
    """Moves, turns, shears, scales, thickens and deforms images.

    The strength is `placement.image_strength`. Pixels shifted in are black.

    Args:
        images: uint8 `[n, 40, 168, 1]`, of known n.
        seed: int `[2]`.

    Returns:
        uint8 `[n, 40, 168, 1]`.
    """
    seeds = tf.unstack(tf.random.split(seed, 2))
    count = images.shape[0]
    uniform = tf.random.stateless_uniform([8, count], seeds[0])
    strength = image_strength(uniform[0])
    changes = (2 * uniform[1:7] - 1) * strength
    stroke = (2 * uniform[7] - 1) * strength * STROKE
    pixels = drawing.change_stroke(images[..., 0], stroke)
    amplitude = (strength * ELASTIC_PIXELS)[:, tf.newaxis, tf.newaxis]
    displacements = amplitude * _random_field(count, seeds[1])
    place, *shares = _places(changes, displacements)
    packed = tf.reshape(drawing.packed_neighbours(pixels), [-1])
    moved = drawing.interpolate(drawing.look_up(packed, place), *shares)
    return moved[..., tf.newaxis]


def _random_field(count: int, seed) -> tf.Tensor:
    """Smooth random numbers in [-1, 1], float32 `[2, n, 40, 168]`."""
    grid = tf.random.stateless_uniform([2 * count, *_ELASTIC_SHAPE, 1], seed, -1, 1)
    size = config.CANVAS_SHAPE
    return tf.reshape(tf.image.resize(grid, size), [2, count, *size])


@compiled
def _places(changes, displacements):
    """Where each pixel comes from; the canvas is changed about its centre.

    Args:
        changes: float32 `[6, n]` in [-1, 1]: across, down, rotation, shear,
            width, height.
        displacements: float32 `[2, n, 40, 168]`, across and down, in pixels.

    Returns:
        The place in `drawing.packed_neighbours` of the pixel to the upper left,
        int32 `[n, 40, 168]`, and how far the point lies from there to the right
        and down, float32.
    """
    across, down, turn, shear, width, height = tf.unstack(
        changes[..., tf.newaxis, tf.newaxis]
    )
    rows, columns = config.CANVAS_SHAPE
    x = np.arange(columns, dtype=np.float32) - (columns - 1) / 2
    y = np.arange(rows, dtype=np.float32)[:, np.newaxis] - (rows - 1) / 2
    x, y = x - ACROSS_PIXELS * across, y - DOWN_PIXELS * down
    angle = turn * ROTATION_DEGREES * (np.pi / 180)
    v = (tf.cos(angle) * y - tf.sin(angle) * x) * tf.exp(-LOG_HEIGHT * height)
    u = (tf.cos(angle) * x + tf.sin(angle) * y) * tf.exp(-LOG_WIDTH * width)
    u, v = u + SHEAR * shear * v + displacements[0], v + displacements[1]
    u = tf.clip_by_value(u + (columns - 1) / 2, -1.0, float(columns)) + 1
    v = tf.clip_by_value(v + (rows - 1) / 2, -1.0, float(rows)) + 1
    left, top = tf.floor(u), tf.floor(v)
    image = tf.range(displacements.shape[1])[:, tf.newaxis, tf.newaxis]
    place = (image * (rows + 2) + tf.cast(top, tf.int32)) * (columns + 2)
    return place + tf.cast(left, tf.int32), u - left, v - top
