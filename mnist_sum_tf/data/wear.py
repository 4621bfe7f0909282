"""What paper, pen and camera do to an image: contrast, noise, lines, clouds.

Part of the training mixture only. Each kind touches a fixed share of the rows (they are
exchangeable, so a fixed share is a random choice) and costs nothing for the others. A
batch of fewer than 32 is worn as some of 32 rows, which are drawn.
"""

import numpy as np
import tensorflow as tf

from mnist_sum_tf.data import wear_kinds
from mnist_sum_tf.data.compilation import compiled
from mnist_sum_tf.data.outlines import draw_outlines


def wear(images, seed, share: float = 1.0) -> tf.Tensor:
    """Wears part of a batch.

    Args:
        images: uint8 `[batch, 40, 168, 1]`.
        seed: int `[2]`.
        share: of the rows that are usually worn, the share that is, in [0, 1]:
            each with that probability.

    Returns:
        uint8 `[batch, 40, 168, 1]`; of 32 rows at least the last 17 are unchanged, of
        fewer any.
    """
    wear_seed, chance_seed = tf.unstack(tf.random.split(seed, 2))
    of_batch = _wear_rows if images.shape[0] >= _PERIOD else _wear_few
    worn = of_batch(images, wear_seed)
    if share == 1:
        return worn
    chance = tf.random.stateless_uniform([images.shape[0], 1, 1, 1], chance_seed)
    return tf.where(chance < share, worn, images)


def _wear_rows(images, seed) -> tf.Tensor:
    """Wears the first rows, so many by each kind."""
    numbers_seed, begin_seed = tf.unstack(tf.random.split(seed, 2))
    drawn = wear_kinds.draw(_plan(images.shape[0]), numbers_seed)
    return _worn_rows(images, drawn, tf.random.stateless_uniform([], begin_seed))


def _wear_few(images, seed) -> tf.Tensor:
    """Wears fewer than 32 images, each in a row of its own of 32."""
    place_seed, seed = tf.unstack(tf.random.split(seed, 2))
    order = tf.range(_PERIOD)
    order = tf.random.experimental.stateless_shuffle(order, place_seed)
    worn = _wear_rows(tf.gather(images, order % images.shape[0]), seed)
    places = tf.math.invert_permutation(order)
    return tf.gather(worn, places[: images.shape[0]])


def _plan(batch_size: int) -> wear_kinds.Plan:
    """So many rows by each kind; of the heavily worn half get noise, a quarter blur."""
    plan = [(kind, batch_size * rows // _PERIOD) for kind, rows in _KINDS.items()]
    heavy = sum(count for _, count in plan[len(LIGHT) :])
    return [
        *plan, (wear_kinds.add_noise, (heavy + 1) // 2),
        (wear_kinds.blur, (heavy + 2) // 4),
    ]  # fmt: skip


@compiled
def _worn_rows(images, drawn, begin) -> tf.Tensor:
    plan = _plan(images.shape[0])
    *numbers, of_noise, of_blur = wear_kinds.deal(drawn, plan)
    counts = [count for _, count in plan[: len(_KINDS)]]
    *parts, rest = tf.split(images, [*counts, images.shape[0] - sum(counts)])
    worn = [kind(part, its) for kind, part, its in zip(_KINDS, parts, numbers)]
    heavy = tf.concat(worn[len(LIGHT) :], axis=0)
    begin = tf.cast(begin * heavy.shape[0], tf.int32)
    heavy = _wear_more(heavy, of_noise, of_blur, begin)
    return tf.concat([*worn[: len(LIGHT)], heavy, rest], axis=0)


def _wear_more(images, of_noise, of_blur, begin) -> tf.Tensor:
    """Of every four images two get noise, one is blurred; where that begins, is drawn.

    A model that has seen clouds and outlines by themselves took noise for ink there.
    """
    rows = np.arange(images.shape[0])
    noisy, blurred, others = rows[::2], rows[1::4], rows[3::4]
    shifted = tf.roll(images, begin, axis=0)
    worn = tf.concat([
        wear_kinds.add_noise(tf.gather(shifted, noisy), of_noise),
        wear_kinds.blur(tf.gather(shifted, blurred), of_blur),
        tf.gather(shifted, others),
    ], axis=0)  # fmt: skip
    in_order = np.argsort(np.concatenate([noisy, blurred, others]))
    return tf.roll(tf.gather(worn, in_order), -begin, axis=0)


# Kinds, and of 32 rows how many each touches.
LIGHT = {
    wear_kinds.change_contrast: 2, wear_kinds.blur: 2, wear_kinds.add_noise: 2,
    wear_kinds.punch_holes: 2,
}  # fmt: skip
HEAVY = {
    wear_kinds.salt_and_pepper: 1, wear_kinds.cloud: 1, wear_kinds.stray_line: 1,
    wear_kinds.negative_bands: 1, wear_kinds.splash_mud: 1, wear_kinds.frost_glass: 1,
    draw_outlines: 1,
}  # fmt: skip
_PERIOD = 32
_KINDS = LIGHT | HEAVY
