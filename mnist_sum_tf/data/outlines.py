"""A kind of degradation by itself: outlines in place of ink; see `degradation_kinds`."""

import tensorflow as tf

from mnist_sum_tf.data.degradation_kinds import RandomNumbers, blur_by, to_uint8
from mnist_sum_tf.data.placement import between


def draw_outlines(images, numbers: RandomNumbers) -> tf.Tensor:
    """Outlines in place of ink: inside, outside or astride; up to thrice as bright.

    Half of them are thin: they ignore the diagonal neighbours of a pixel.
    """
    is_thin, inside, gain = tf.unstack(numbers.per_image[4:7])
    inside = tf.clip_by_value(between(inside, -0.5, 1.5), 0.0, 1.0)
    pixels = tf.cast(_sharpen(images, numbers.per_image[:4]), tf.float32)
    largest = _dilate(pixels, is_thin < 0.5)
    smallest = -_dilate(-pixels, is_thin < 0.5)
    outline = inside * (pixels - smallest) + (1 - inside) * (largest - pixels)
    return to_uint8(between(gain, 1.0, 3.0) * outline)


def _sharpen(images, uniform) -> tf.Tensor:
    """Raises contrast around a random grey; half of the images are blurred first.

    Unsharpened images get soft, broad outlines, black and white ones thin lines.
    """
    is_blurred, blur_share, steepness, pivot = tf.unstack(uniform)
    blurred = blur_by(images, between(blur_share, 0.3, 1.0))
    pixels = tf.cast(tf.where(is_blurred < 0.5, blurred, images), tf.float32)
    steepness = tf.exp(between(steepness, 0.0, 4.0))
    pivot = between(pivot, 10.0, 130.0)
    return to_uint8(steepness * pixels - (steepness - 1) * pivot)


def _dilate(pixels, is_thin) -> tf.Tensor:
    """The largest of each pixel and its eight neighbours, or four where thin."""
    down = tf.nn.max_pool2d(pixels, (3, 1), 1, "SAME")
    across = tf.nn.max_pool2d(pixels, (1, 3), 1, "SAME")
    square = tf.nn.max_pool2d(down, (1, 3), 1, "SAME")
    return tf.where(is_thin, tf.maximum(down, across), square)
