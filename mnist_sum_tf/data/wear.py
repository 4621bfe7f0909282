"""What paper, pen and camera do to an image: contrast, noise, lines, clouds.

Part of the training mixture only. Of 32 rows and more each kind touches a fixed
share (rows are exchangeable, so a fixed share is a random choice) and costs nothing
for the others; in smaller batches each row's kind is drawn, and all are computed.
"""

import numpy as np
import tensorflow as tf

from mnist_sum_tf.data import wear_kinds


def wear(images, seed, share: float = 1.0) -> tf.Tensor:
    """Wears part of a batch.

    Args:
        images: uint8 `[batch, 40, 168, 1]`.
        seed: int `[2]`.
        share: of the rows that are usually worn, the share that is, in [0, 1]:
            each with that probability.

    Returns:
        uint8 `[batch, 40, 168, 1]`; at least the last 17 of 32 rows are unchanged.
        Of fewer than 32, each is worn with the probability that this comes to.
    """
    of_batch = _wear_rows if images.shape[0] >= _PERIOD else _wear_by_chance
    worn = of_batch(images, seed)
    if share == 1:
        return worn
    is_worn = wear_kinds.per_image(images, tf.random.fold_in(seed, 1), 0.0, 1.0) < share
    return tf.where(is_worn, worn, images)


def _wear_rows(images, seed) -> tf.Tensor:
    """Wears the first rows, so many by each kind."""
    seeds = tf.unstack(tf.random.split(seed, len(_KINDS)))
    worn, first = [], 0
    for (kind, rows), kind_seed in zip(_KINDS.items(), seeds):
        count = images.shape[0] * rows // _PERIOD
        worn.append(kind(images[first : first + count], kind_seed))
        first += count
    heavy = _wear_more(tf.concat(worn[len(LIGHT) :], axis=0), seed)
    return tf.concat([*worn[: len(LIGHT)], heavy, images[first:]], axis=0)


def _wear_more(images, seed) -> tf.Tensor:
    """Of every four images two get noise, one is blurred; where that begins, is drawn.

    A model that has seen clouds and outlines by themselves took noise for ink there.
    """
    noise_seed, blur_seed, begin_seed = _more_seeds(seed)
    rows = np.arange(images.shape[0])
    shift = tf.random.stateless_uniform([], begin_seed, 0, len(rows), tf.int32)
    noisy, blurred, others = rows[::2], rows[1::4], rows[3::4]
    shifted = tf.roll(images, shift, axis=0)
    worn = tf.concat([
        wear_kinds.add_noise(tf.gather(shifted, noisy), noise_seed),
        wear_kinds.blur(tf.gather(shifted, blurred), blur_seed),
        tf.gather(shifted, others),
    ], axis=0)  # fmt: skip
    in_order = np.argsort(np.concatenate([noisy, blurred, others]))
    return tf.roll(tf.gather(worn, in_order), -shift, axis=0)


def _more_seeds(seed) -> list[tf.Tensor]:
    """Of noise and blur on top, and of who gets them."""
    return [tf.random.fold_in(seed, number) for number in (3, 4, 5)]


def _wear_by_chance(images, seed) -> tf.Tensor:
    """Draws the kind of each row; for batches that hold no share of all kinds."""
    chosen = wear_kinds.per_image(images, tf.random.fold_in(seed, 2), 0.0, _PERIOD)
    seeds = tf.unstack(tf.random.split(seed, len(_KINDS)))
    worn, first = images, 0
    for (kind, rows), kind_seed in zip(_KINDS.items(), seeds):
        is_worn = (chosen >= first) & (chosen < first + rows)
        worn = tf.where(is_worn, kind(images, kind_seed), worn)
        first += rows
    is_heavy = (chosen >= sum(LIGHT.values())) & (chosen < first)
    noise_seed, blur_seed, chance_seed = _more_seeds(seed)
    chance = wear_kinds.per_image(images, chance_seed, 0.0, 1.0)
    more = tf.where(chance < 0.75, wear_kinds.blur(worn, blur_seed), worn)
    more = tf.where(chance < 0.5, wear_kinds.add_noise(worn, noise_seed), more)
    return tf.where(is_heavy, more, worn)


# Kinds, and of 32 rows how many each touches.
LIGHT = {
    wear_kinds.change_contrast: 2, wear_kinds.blur: 2, wear_kinds.add_noise: 2,
    wear_kinds.punch_holes: 2,
}  # fmt: skip
HEAVY = {
    wear_kinds.salt_and_pepper: 1, wear_kinds.cloud: 1, wear_kinds.stray_line: 1,
    wear_kinds.negative_bands: 1, wear_kinds.splash_mud: 1, wear_kinds.frost_glass: 1,
    wear_kinds.draw_outlines: 1,
}  # fmt: skip
_PERIOD = 32
_KINDS = LIGHT | HEAVY
