"""Losses: each maps labels and a model's outputs to one number per example."""

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.confidence import SMALLEST_PROBABILITY

DIGIT_VARIANCE = (10**2 - 1) / 12  # of a digit drawn uniformly from 0..9


def digit_cross_entropy(digits, digit_logits) -> tf.Tensor:
    """Sum of the four digits' cross-entropies, in nats.

    Args:
        digits: int32 `[n, 4]`.
        digit_logits: float32 `[n, 4, 10]`.

    Returns:
        float32 `[n]`.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=digits, logits=digit_logits
    )
    return tf.reduce_sum(losses, axis=-1)


def target_cross_entropy(digit_targets, digit_logits) -> tf.Tensor:
    """`digit_cross_entropy` with a probability of each digit in place of labels.

    Args:
        digit_targets: float32 `[n, 4, 10]`, each ten adding up to 1.
        digit_logits: float32 `[n, 4, 10]`.

    Returns:
        float32 `[n]`, in nats.
    """
    losses = tf.nn.softmax_cross_entropy_with_logits(
        labels=tf.stop_gradient(digit_targets), logits=digit_logits
    )
    return tf.reduce_sum(losses, axis=-1)


def sum_negative_log_likelihood(sums, sum_probabilities) -> tf.Tensor:
    """Negative log-likelihood of the true sum, in nats.

    Args:
        sums: integer `[n]` in 0..36.
        sum_probabilities: float32 `[n, 37]`.

    Returns:
        float32 `[n]`.
    """
    sums = tf.cast(sums, tf.int32)
    likelihood = tf.gather(sum_probabilities, sums, batch_dims=1)
    return -tf.math.log(likelihood + SMALLEST_PROBABILITY)


def squared_error(sums, predicted_sums) -> tf.Tensor:
    """Squared difference; `[n]` and `[n]` to float32 `[n]`."""
    return tf.square(tf.cast(sums, tf.float32) - predicted_sums)


def slot_covariance(digit_probabilities) -> tf.Tensor:
    """Penalises slots whose expected digits covary over a batch.

    Digits of an image are drawn independently, so two slots' expected digits must
    not vary together over a batch. From sums alone, each slot otherwise learns
    a quarter of the sum, which explains it as well as digits do.

    Args:
        digit_probabilities: float32 `[n, 4, 10]`.

    Returns:
        float32 scalar: the mean over pairs of slots of their covariance's
        square, covariances in units of a uniform digit's variance, 8.25.
    """
    classes = tf.range(config.NUM_CLASSES, dtype=tf.float32)
    expected = tf.linalg.matvec(digit_probabilities, classes)
    centered = expected - tf.reduce_mean(expected, axis=0)
    count = tf.cast(tf.shape(expected)[0], tf.float32)
    covariance = tf.matmul(centered, centered, transpose_a=True) / count
    pairs = covariance - tf.linalg.diag(tf.linalg.diag_part(covariance))
    num_pairs = config.NUM_DIGITS * (config.NUM_DIGITS - 1)
    return tf.reduce_sum(tf.square(pairs / DIGIT_VARIANCE)) / num_pairs
