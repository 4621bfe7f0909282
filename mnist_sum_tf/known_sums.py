"""Digit probabilities and a sum that is known -> the digits."""

import functools

import numpy as np

from mnist_sum_tf import config

# Assumed share of images that are cut wrongly or have a wrong sum.
SPOILED_SHARE = 0.01
# Digits of the sum 18, which 670 combinations have, are at most 0.9993 sure because of
# these: a bound above that would leave them all out.
SUREST = 0.999


@functools.cache
def combinations_by_sum() -> tuple[np.ndarray, ...]:
    """For each sum 0, 1, ..., 36 the combinations of four digits that have it.

    Returns:
        int64 `[m, 4]` each, in lexicographic order; read-only.
    """
    digits = np.indices([config.NUM_CLASSES] * config.NUM_DIGITS)
    digits = digits.reshape(config.NUM_DIGITS, -1).T
    sums = digits.sum(axis=1)
    combinations = tuple(digits[sums == total] for total in range(config.NUM_SUMS))
    for each in combinations:
        each.flags.writeable = False
    return combinations


def most_likely_digits(digit_probabilities, sums) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest four digits among those that have the known sum.

    Digits are independent given the image, so that a combination's probability
    is their product. One image in a hundred is assumed to be spoiled, and to show
    four random digits, whatever is read. So digits that contradict the reading are
    not sure, even if no others have that sum.

    Args:
        digit_probabilities: float `[n, 4, 10]`.
        sums: integer `[n]` in 0..36.

    Returns:
        The digits, int32 `[n, 4]`, and their probability given the sum, float32
        `[n]`.

    Raises:
        ValueError: for sums that four digits cannot have, or not one for each image.
    """
    sums = np.asarray(sums)
    if sums.shape != np.shape(digit_probabilities)[:1]:
        raise ValueError(
            f"There must be a sum for each image. Received: {list(sums.shape)} for "
            f"{list(np.shape(digit_probabilities))}"
        )
    unknown = sums[~np.isin(sums, np.arange(config.NUM_SUMS))]
    if unknown.size:
        raise ValueError(f"Sums of four digits are 0 to 36. Received: {unknown[0]}")
    logs = np.log(np.maximum(np.asarray(digit_probabilities, np.float64), 1e-30))
    digits = np.empty([len(logs), config.NUM_DIGITS], np.int32)
    confidence = np.empty(len(logs), np.float32)
    slots = np.arange(config.NUM_DIGITS)
    for total, combinations in enumerate(combinations_by_sum()):
        rows = np.flatnonzero(sums == total)
        joint = np.exp(logs[rows][:, slots, combinations].sum(axis=-1))
        joint *= 1 - SPOILED_SHARE
        spoiled = (
            SPOILED_SHARE * len(combinations) / config.NUM_CLASSES**config.NUM_DIGITS
        )
        digits[rows] = combinations[joint.argmax(axis=1)]
        confidence[rows] = joint.max(axis=1) / (joint.sum(axis=1) + spoiled)
    return digits, confidence
