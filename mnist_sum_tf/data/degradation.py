"""What paper, pen and camera do to an image: contrast, noise, lines, clouds.

Only in the layout `mixed`. Each kind degrades a fixed share of the rows (which are
i.i.d., so a fixed share is a random sample) and costs nothing for the others. A
batch of fewer than 32 is repeated to fill 32 rows in random order, then cut back.
"""

import numpy as np
import tensorflow as tf

from mnist_sum_tf.data import degradation_kinds as kinds
from mnist_sum_tf.data.compilation import compiled
from mnist_sum_tf.data.outlines import draw_outlines


def degrade(images, seed, share: float = 1.0) -> tf.Tensor:
    """Degrades part of a batch.

    Args:
        images: uint8 `[batch, 40, 168, 1]`.
        seed: int `[2]`.
        share: probability in [0, 1] that each row selected for degradation is
            degraded.

    Returns:
        uint8 `[batch, 40, 168, 1]`; the last 17/32 of the rows are unchanged; in
        batches of fewer than 32, any may be.
    """
    degradation_seed, chance_seed = tf.unstack(tf.random.split(seed, 2))
    of_batch = _degrade_rows if images.shape[0] >= _PERIOD else _degrade_few
    degraded = of_batch(images, degradation_seed)
    if share == 1:
        return degraded
    chance = tf.random.stateless_uniform([images.shape[0], 1, 1, 1], chance_seed)
    return tf.where(chance < share, degraded, images)


def _degrade_rows(images, seed) -> tf.Tensor:
    """Degrades the first rows, a planned number by each kind."""
    numbers_seed, begin_seed = tf.unstack(tf.random.split(seed, 2))
    drawn = kinds.draw(_plan(images.shape[0]), numbers_seed)
    return _degraded_rows(images, drawn, tf.random.stateless_uniform([], begin_seed))


def _degrade_few(images, seed) -> tf.Tensor:
    """Degrades fewer than 32 images, each at a random row of a batch of 32."""
    place_seed, seed = tf.unstack(tf.random.split(seed, 2))
    order = tf.range(_PERIOD)
    order = tf.random.experimental.stateless_shuffle(order, place_seed)
    degraded = _degrade_rows(tf.gather(images, order % images.shape[0]), seed)
    places = tf.math.invert_permutation(order)
    return tf.gather(degraded, places[: images.shape[0]])


def _plan(batch_size: int) -> kinds.Plan:
    """Rows per kind; of those heavily degraded, half get noise and a quarter blur."""
    plan = [(kind, batch_size * rows // _PERIOD) for kind, rows in _KINDS.items()]
    heavy = sum(count for _, count in plan[len(LIGHT) :])
    return [
        *plan,
        (kinds.add_noise, (heavy + 1) // 2),
        (kinds.blur, (heavy + 2) // 4),
    ]


@compiled
def _degraded_rows(images, drawn, begin) -> tf.Tensor:
    plan = _plan(images.shape[0])
    *numbers, of_noise, of_blur = kinds.split_by_kind(drawn, plan)
    counts = [count for _, count in plan[: len(_KINDS)]]
    *parts, rest = tf.split(images, [*counts, images.shape[0] - sum(counts)])
    degraded = [kind(part, its) for kind, part, its in zip(_KINDS, parts, numbers)]
    heavy = tf.concat(degraded[len(LIGHT) :], axis=0)
    begin = tf.cast(begin * heavy.shape[0], tf.int32)
    heavy = _degrade_more(heavy, of_noise, of_blur, begin)
    return tf.concat([*degraded[: len(LIGHT)], heavy, rest], axis=0)


def _degrade_more(images, of_noise, of_blur, begin) -> tf.Tensor:
    """Of every four images two get noise and one is blurred, from a random offset.

    A model trained on clouds and outlines alone mistook noise on them for ink.
    """
    rows = np.arange(images.shape[0])
    noisy, blurred, others = rows[::2], rows[1::4], rows[3::4]
    shifted = tf.roll(images, begin, axis=0)
    degraded = tf.concat(
        [
            kinds.add_noise(tf.gather(shifted, noisy), of_noise),
            kinds.blur(tf.gather(shifted, blurred), of_blur),
            tf.gather(shifted, others),
        ],
        axis=0,
    )
    in_order = np.argsort(np.concatenate([noisy, blurred, others]))
    return tf.roll(tf.gather(degraded, in_order), -begin, axis=0)


# Kinds of degradation, and how many of every 32 rows each degrades.
LIGHT = {
    kinds.change_contrast: 2,
    kinds.blur: 2,
    kinds.add_noise: 2,
    kinds.punch_holes: 2,
}
HEAVY = {
    kinds.salt_and_pepper: 1,
    kinds.cloud: 1,
    kinds.stray_line: 1,
    kinds.negative_bands: 1,
    kinds.splash_mud: 1,
    kinds.frost_glass: 1,
    draw_outlines: 1,
}
_PERIOD = 32
_KINDS = LIGHT | HEAVY
