"""Digits blended with others, and their labels likewise.

Zhang et al., "mixup: Beyond empirical risk minimization" (2018), digit by digit.
"""

import tensorflow as tf

from mnist_sum_tf import config


def mix_up(digits, labels, seed, image_share: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Blends digits of some images with those of the next, up to half and half.

    The last image is blended with the first; a single image stays unchanged.

    Args:
        digits: uint8 `[n, 4, height, width]`.
        labels: integer `[n, 4]`.
        seed: int `[2]`.
        image_share: each image's probability, in [0, 1].

    Returns:
        uint8 of the digits' shape; and the class proportions of each digit, float32
        `[n, 4, 10]`, at least half of which is its own label's.
    """
    share_seed, chance_seed = tf.unstack(tf.random.split(seed, 2))
    chance = tf.random.stateless_uniform([digits.shape[0], 1], chance_seed)
    share = tf.random.stateless_uniform(digits.shape[:2], share_seed, 0.0, 0.5)
    share = tf.where(chance < image_share, share, 0.0)
    blended = _with_next(tf.cast(digits, tf.float32), share[..., None, None])
    targets = _with_next(tf.one_hot(labels, config.NUM_CLASSES), share[..., None])
    return tf.cast(tf.round(blended), tf.uint8), targets


def _with_next(values, share) -> tf.Tensor:
    return values + share * (tf.roll(values, -1, axis=0) - values)
