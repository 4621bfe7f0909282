"""Digits and a layout become images of 40x168 pixels, a whole batch at once.

All randomness is counter-based: a batch is a pure function of (seed, step).
"""

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import degradation, drawing, layouts, mixup, ones


def composite_batch(
    digit_images,
    digit_labels,
    layout: str,
    seed: int,
    step,
    batch_size: int,
    deformed: bool = False,
    deformation_strength: float = 1.0,
    degradation_share: float = 1.0,
    mixup_share: float = 0.0,
):
    """Composes the batch of one step from digits drawn with replacement.

    Part of a batch of `mixed` is degraded, part of its ones have flags: see
    `degradation` and `ones`.

    Args:
        digit_images: uint8 `[n, 28, 28]`.
        digit_labels: integer `[n]`.
        layout: one of `config.LAYOUTS`.
        seed: a whole number.
        step: whole number or scalar tensor; the batch depends on (seed, step)
            and on nothing that came before.
        batch_size: number of images.
        deformed, deformation_strength: see `layouts.get_layout`.
        degradation_share: of images of `mixed`, see `degradation.degrade`; its ones
            have flags in any case.
        mixup_share: each image's probability that its digits are blended with
            others, see `mixup.mix_up`.

    Returns:
        Images, uint8 `[batch_size, 40, 168, 1]`, white ink (255) on black, and
        labels: `"digits"`, int32 `[batch_size, 4]`, in reading order; `"clean"`, the
        images before degradation; and where digits are blended `"digit_targets"`,
        float32 `[batch_size, 4, 10]`, each class's weight in the blend.

    Raises:
        UserError: if there is no such layout.
    """
    seeds = _step_seeds(seed, step)
    chosen = tf.random.stateless_uniform(
        [batch_size, config.NUM_DIGITS],
        seeds[0],
        maxval=tf.shape(digit_images)[0],
        dtype=tf.int32,
    )
    return _compose_chosen(
        digit_images,
        digit_labels,
        chosen,
        layouts.get_layout(layout, deformed, deformation_strength),
        seeds,
        flagged=layout == "mixed",
        mixup_share=mixup_share,
        degradation_share=degradation_share if layout == "mixed" else 0.0,
    )


def evaluation_batch(
    digit_images, digit_labels, layout: str, seed: int, start, batch_size: int
):
    """Composes images `start`, ..., `start + batch_size - 1` of a fixed set.

    The set uses every digit exactly once (up to three left over are dropped),
    in an order drawn from `seed`. Nothing is degraded: degradation is for training.

    Args, Returns, Raises: as `composite_batch`; `start` counts images. Digits are
    placed by random numbers of (seed, start), so a set depends on how it is divided
    into batches.
    """
    order_seed = tf.random.fold_in([seed, 0], -1)
    first = tf.cast(start, tf.int64) * config.NUM_DIGITS
    positions = first + tf.range(batch_size * config.NUM_DIGITS, dtype=tf.int64)
    last = tf.cast(tf.shape(digit_images)[0] - 1, tf.int64)
    chosen = tf.random.experimental.index_shuffle(
        positions, tf.cast(order_seed, tf.uint32), tf.cast(last, tf.int64)
    )
    chosen = tf.reshape(chosen, [batch_size, config.NUM_DIGITS])
    seeds = _step_seeds(seed, start)
    return _compose_chosen(
        digit_images, digit_labels, chosen, layouts.get_layout(layout), seeds
    )


def _step_seeds(seed: int, step):
    """Seeds for choosing (and blending) digits, placing and deforming them, degradation
    and ones.
    """
    step_seed = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
    return tf.unstack(tf.random.split(tf.cast(step_seed, tf.int32), 5))


def _compose_chosen(
    digit_images,
    digit_labels,
    chosen,
    place,
    seeds,
    flagged: bool = False,
    mixup_share: float = 0.0,
    degradation_share: float = 0.0,
):
    digits = tf.gather(digit_images, chosen)
    labels = {"digits": tf.cast(tf.gather(digit_labels, chosen), tf.int32)}
    if flagged:
        digits = _with_flags(digits, labels["digits"], seeds[4])
    if mixup_share:
        digits, labels["digit_targets"] = mixup.mix_up(
            digits, labels["digits"], tf.random.fold_in(seeds[0], 1), mixup_share
        )
    placement = place(drawing.ink_boxes(digits), seeds[1])
    # Row order carries no meaning: the last eighth is drawn with hard edges.
    hard = int(chosen.shape[0] / 8 * degradation_share)
    images = drawing.compose(digits, placement, seeds[2], nearest_images=hard)
    labels |= {"clean": images}
    if degradation_share:
        images = degradation.degrade(images, seeds[3], degradation_share)
    return images, labels


def _with_flags(digits, labels, seed) -> tf.Tensor:
    flat = tf.reshape(digits, [-1, config.DIGIT_SIZE, config.DIGIT_SIZE])
    flagged = ones.embellish_ones(flat, tf.reshape(labels, [-1]), seed)
    return tf.reshape(flagged, digits.shape)
