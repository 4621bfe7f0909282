"""Digit probabilities and a sum that is known -> the digits."""

import functools

import numpy as np

from mnist_sum_tf import config


@functools.cache
def combinations_by_sum() -> tuple[np.ndarray, ...]:
    """For each sum 0, 1, ..., 36 the combinations of four digits that have it.

    Returns:
        int64 `[m, 4]` each, in lexicographic order; read-only.
    """
    digits = np.indices([config.NUM_CLASSES] * config.NUM_DIGITS)
    digits = digits.reshape(config.NUM_DIGITS, -1).T
    digits.flags.writeable = False
    sums = digits.sum(axis=1)
    return tuple(digits[sums == total] for total in range(config.NUM_SUMS))


def most_likely_digits(digit_probabilities, sums) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest four digits among those that have the known sum.

    Digits are independent given the image, so that a combination's probability
    is their product, divided by that of all combinations with this sum.

    Args:
        digit_probabilities: float `[n, 4, 10]`.
        sums: integer `[n]` in 0..36.

    Returns:
        The digits, int32 `[n, 4]`, and their probability given the sum, float32
        `[n]`.
    """
    logs = np.log(np.maximum(np.asarray(digit_probabilities, np.float64), 1e-30))
    digits = np.empty([len(logs), config.NUM_DIGITS], np.int32)
    confidence = np.empty(len(logs), np.float32)
    slots = np.arange(config.NUM_DIGITS)
    for total, combinations in enumerate(combinations_by_sum()):
        rows = np.flatnonzero(np.asarray(sums) == total)
        scores = logs[rows][:, slots, combinations].sum(axis=-1)
        best = scores.argmax(axis=1)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        digits[rows] = combinations[best]
        confidence[rows] = 1 / shares.sum(axis=1)
    return digits, confidence
