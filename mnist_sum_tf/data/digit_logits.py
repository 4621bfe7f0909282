"""What a decoder learns from: logits of four digits and their sum."""

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import datasets

SHARP_LOGIT = 20.0  # softmax of one such logit among zeros is 1 - 2e-8
SHAPE = (config.NUM_DIGITS, config.NUM_CLASSES)


def training_dataset(
    objective: str,
    seed: int,
    batch_size: int,
    start_step: int = 0,
    total_steps: int | None = None,
) -> tf.data.Dataset:
    """Makes batches of logits; the batch of step n is a function of (seed, n).

    Args:
        objective: `"expected_sum"` or `"one_hot_sum"`, see the functions below.
        seed: a whole number.
        batch_size: examples per batch.
        start_step: the first step.
        total_steps: the step to stop before; `None` never stops.

    Returns:
        Elements (logits float32 `[batch_size, 4, 10]`, {"sum": float32
        `[batch_size]`}).
    """
    make = {"expected_sum": expected_sum_batch, "one_hot_sum": one_hot_batch}

    def batch(step):
        step_seed = tf.stack([tf.constant(seed, tf.int64), step])
        return make[objective](tf.cast(step_seed, tf.int32), batch_size)

    return datasets.map_steps(batch, start_step, total_steps)


def expected_sum_batch(seed, batch_size: int):
    """Logits of every sharpness, with the expected sum of their softmax.

    Every other row has four uniform digits; the rest draw theirs from a range
    of random width, so that sums near 0 and 36 occur often. Half of the rows are
    sure of all four digits, as a trained encoder nearly always is; in the others
    each digit has a sharpness from flat to one-hot and noise of its own.

    Args:
        seed: int `[2]`.
        batch_size: examples.

    Returns:
        Logits float32 `[batch_size, 4, 10]`, {"sum": float32 `[batch_size]`}.
    """
    seeds = tf.unstack(tf.random.split(seed, 4))
    ends = tf.random.stateless_uniform([2, batch_size, 1], seeds[0])
    whole_range = tf.range(batch_size)[:, tf.newaxis] % 2 == 0
    low = tf.where(whole_range, 0.0, tf.reduce_min(ends, 0))
    high = tf.where(whole_range, 1.0, tf.reduce_max(ends, 0))
    shape = [batch_size, config.NUM_DIGITS]
    inside = low + (high - low) * tf.random.stateless_uniform(shape, seeds[1])
    digits = tf.cast(inside * config.NUM_CLASSES, tf.int32)
    one_hot = tf.one_hot(digits, config.NUM_CLASSES)
    noise = tf.random.stateless_normal([batch_size, *SHAPE], seeds[2])
    strength = tf.random.stateless_uniform([3, batch_size, 4, 1], seeds[3])
    sure = (7.0 + SHARP_LOGIT * strength[0]) * one_hot
    unsure = SHARP_LOGIT * strength[0] * one_hot
    unsure += 3.0 * strength[1] * strength[2] * noise
    half = batch_size // 2
    logits = tf.concat([sure[:half], unsure[half:]], axis=0)
    classes = tf.range(config.NUM_CLASSES, dtype=tf.float32)
    expected = tf.reduce_sum(tf.nn.softmax(logits) * classes, axis=[1, 2])
    return logits, {"sum": expected}


def one_hot_batch(seed, batch_size: int):
    """One-hot vectors of uniform digits with their sum, as the original did.

    Args, Returns: as `expected_sum_batch`.
    """
    digits = tf.random.stateless_uniform(
        [batch_size, config.NUM_DIGITS],
        seed,
        maxval=config.NUM_CLASSES,
        dtype=tf.int32,
    )
    sums = tf.cast(tf.reduce_sum(digits, axis=1), tf.float32)
    return tf.one_hot(digits, config.NUM_CLASSES), {"sum": sums}


def all_combinations(logit: float = SHARP_LOGIT) -> tf.data.Dataset:
    """All 10,000 combinations of four digits, as logits times one-hot.

    Args:
        logit: the logit of the digit; the others are 0. The original's decoder
            was trained and tested at 1.

    Returns:
        Elements as `training_dataset`, in batches of 1,000.
    """
    digits = np.indices([config.NUM_CLASSES] * config.NUM_DIGITS)
    digits = digits.reshape(config.NUM_DIGITS, -1).T
    logits = logit * np.eye(config.NUM_CLASSES, dtype=np.float32)[digits]
    sums = {"sum": digits.sum(axis=1).astype(np.float32)}
    return tf.data.Dataset.from_tensor_slices((logits, sums)).batch(1000)
