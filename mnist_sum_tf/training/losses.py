"""Losses: each maps labels and a model's outputs to one number per example."""

import tensorflow as tf

SMALLEST_PROBABILITY = 1e-20  # keeps the logarithm finite in float32


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


def sum_negative_log_likelihood(sums, sum_probabilities) -> tf.Tensor:
    """Surprise at the true sum, in nats.

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
