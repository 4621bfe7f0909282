"""The order of images that are repeated, epoch after epoch."""

import tensorflow as tf


def shuffled_rows(count: int, seed: int, step, batch_size: int) -> tf.Tensor:
    """Which rows make the batch of a step; a pure function of (seed, step).

    Each epoch takes every row once, in an order of its own.

    Args:
        count: of rows.
        seed: a whole number.
        step: int64 scalar tensor.
        batch_size: rows per batch.

    Returns:
        int64 `[batch_size]`.
    """
    places = step * batch_size + tf.range(batch_size, dtype=tf.int64)
    # Each position uses the seed of its own epoch. The raw op, since
    # `tf.random.experimental.index_shuffle` takes one seed for all.
    return tf.raw_ops.RandomIndexShuffle(
        index=places % count,
        seed=_epoch_seeds(seed, places // count),
        max_index=tf.constant(count - 1, tf.int64),
    )


def _epoch_seeds(seed: int, epochs) -> tf.Tensor:
    """Three words for each epoch, int64 `[n, 3]`.

    Hashed, since the shuffle looks at no more than the lowest eight bits of a word, and
    shuffles little where most are zero.
    """
    names = tf.strings.join([str(seed), tf.strings.as_string(epochs)], "/")
    words = [
        tf.strings.to_hash_bucket_fast(tf.strings.join([names, word], "/"), 2**31 - 1)
        for word in ("first", "second", "third")
    ]
    return tf.stack(words, axis=1)
