"""How four digits are drawn: where they stand, and how they are deformed."""

from typing import NamedTuple

import tensorflow as tf

from mnist_sum_tf import config

# What happens where the ink of two digits meets.
KEEP_EARLIER = 0  # the left digit's pixel stays; ink off the left border is pushed back
BRIGHTEST = 1  # the brighter pixel stays
WRAP_AROUND = 2  # uint8 addition, modulo 256


class Placement(NamedTuple):
    """How to draw `batch` images of four digits each.

    Every field but `overlap` is float32 `[batch, 4]`.

    Attributes:
        center_x: centre of the digit's 28x28 box on the canvas, in pixels from
            the canvas' left edge.
        center_y: likewise from the top edge.
        width: width in pixels that the box is drawn at.
        height: height in pixels that the box is drawn at.
        rotation_degrees: rotation about the box' centre.
        shear: horizontal pixels per vertical pixel.
        overlap: int32 `[batch]`, one of `KEEP_EARLIER`, `BRIGHTEST`,
            `WRAP_AROUND`.
        stroke: set by `deform`: change of the stroke's thickness; -1 erodes by one
            pixel, +1 dilates by one, values between blend. `None` leaves it.
        elastic_pixels: set by `deform`: largest elastic displacement, in pixels of
            the 28x28 box. `None` displaces nothing.
    """

    center_x: tf.Tensor
    center_y: tf.Tensor
    width: tf.Tensor
    height: tf.Tensor
    rotation_degrees: tf.Tensor
    shear: tf.Tensor
    overlap: tf.Tensor
    stroke: tf.Tensor | None = None
    elastic_pixels: tf.Tensor | None = None


def uniform_numbers(seed, count: int, batch_size: int) -> list[tf.Tensor]:
    """Returns `count` tensors `[batch_size, 4]` of numbers in [0, 1)."""
    shape = [count, batch_size, config.NUM_DIGITS]
    return tf.unstack(tf.random.stateless_uniform(shape, seed))


def between(uniform, low, high) -> tf.Tensor:
    """Maps [0, 1) to the numbers from `low` to `high`."""
    return low + uniform * (high - low)


def image_strength(uniform) -> tf.Tensor:
    """How strongly an image is changed: one in six not at all, one in four fully.

    Args:
        uniform: float32 in [0, 1), a number for each image.

    Returns:
        float32 in [0, 1], of that shape.
    """
    return tf.clip_by_value((uniform - 1 / 6) / (3 / 4 - 1 / 6), 0.0, 1.0)


def deform(
    placement: Placement, image_seed, digit_seed, deformation_strength: float
) -> Placement:
    """Deforms, rotates, thickens and moves digits, with one strength per image.

    A model trained on gentler changes read training digits far better than unseen
    ones.

    Args:
        placement: what is changed.
        image_seed, digit_seed: int `[2]`, seeds of what an image's digits have in
            common and of what each has of its own.
        deformation_strength: factor on the default strength, in [0, 1].
    """
    batch_size = placement.center_x.shape[0]
    image = tf.random.stateless_uniform([6, batch_size, 1], image_seed)
    strength = deformation_strength * image_strength(image[0])
    swing = [2 * u - 1 for u in uniform_numbers(digit_seed, 8, batch_size)]
    common = 2 * image - 1
    return placement._replace(
        center_x=placement.center_x + strength * 2.0 * swing[0],
        center_y=placement.center_y + strength * 2.0 * swing[1],
        width=placement.width * tf.exp(strength * 0.12 * swing[2]),
        height=placement.height * tf.exp(strength * 0.12 * swing[3]),
        rotation_degrees=placement.rotation_degrees
        + strength * (10 * swing[4] + 6 * common[1]),
        shear=placement.shear + strength * (0.2 * swing[5] + 0.2 * common[2]),
        stroke=strength * tf.clip_by_value(0.3 * swing[6] + common[3], -0.5, 1.0),
        elastic_pixels=strength * 1.1 * (swing[7] + 1),
    )
