"""Calibration and confidence metrics, from probabilities and labels."""

import math
from typing import NamedTuple

import numpy as np

NUM_BINS = 15
SET_ASIDE = (0.0, 0.01, 0.02, 0.05, 0.1)
SMALLEST_PROBABILITY = 1e-20  # keeps the logarithm finite, in float32 too
Z_95 = 1.959964  # standard deviations that hold 95 % of a normal distribution


class Bin(NamedTuple):
    """The readings whose confidence lies in [lower, upper).

    Attributes:
        lower, upper: the bin's ends; the last one includes 1.
        number: how many there are.
        confidence: their mean confidence; NaN where there are none.
        accuracy: the share of them that is right; likewise.
    """

    lower: float
    upper: float
    number: int
    confidence: float
    accuracy: float


def reliability_bins(confidences, right, num_bins: int = NUM_BINS) -> list[Bin]:
    """Sorts readings into bins of equal width by their confidence.

    Args:
        confidences: floats `[n]` in 0..1, the probability of what was read.
        right: booleans `[n]`, whether the reading was right.
        num_bins: how many bins.

    Returns:
        All bins, the empty ones too, in ascending order.
    """
    confidences, right = np.asarray(confidences, float), np.asarray(right, float)
    index = np.minimum((confidences * num_bins).astype(int), num_bins - 1)
    number = np.bincount(index, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(index, confidences, num_bins) / number
        accuracy = np.bincount(index, right, num_bins) / number
    return [
        Bin(
            i / num_bins,
            (i + 1) / num_bins,
            int(number[i]),
            float(confidence[i]),
            float(accuracy[i]),
        )
        for i in range(num_bins)
    ]


def expected_calibration_error(confidences, right, num_bins: int = NUM_BINS) -> float:
    """The mean over readings of their bin's |confidence - accuracy|.

    Guo et al., "On calibration of modern neural networks" (2017).

    Args: as `reliability_bins`; n > 0.
    """
    gaps = [
        each.number * abs(each.confidence - each.accuracy)
        for each in reliability_bins(confidences, right, num_bins)
        if each.number
    ]
    return sum(gaps) / len(confidences)


def negative_log_likelihood(probabilities, labels) -> float:
    """The mean negative log-likelihood of the true class, in nats.

    Args:
        probabilities: floats `[n, classes]`, each row a distribution.
        labels: integers `[n]` (or `[n, 1]`), the true class.
    """
    likelihood = _of_labels(probabilities, labels)
    return float(-np.log(likelihood + SMALLEST_PROBABILITY).mean())


def brier_score(probabilities, labels) -> float:
    """The mean squared distance of distributions from the truth, in 0..2.

    Args: as `negative_log_likelihood`.
    """
    probabilities = np.asarray(probabilities, float)
    # |p - e|^2 = |p|^2 - 2 p_label + 1, without writing out the unit vectors.
    squares = (probabilities**2).sum(-1)
    return float((squares - 2 * _of_labels(probabilities, labels) + 1).mean())


def _of_labels(probabilities, labels) -> np.ndarray:
    probabilities = np.asarray(probabilities, float)
    return probabilities[np.arange(len(probabilities)), np.ravel(labels)]


def risk_coverage(confidences, right, set_aside=SET_ASIDE) -> list[dict]:
    """Accuracy of the other readings once the least sure are set aside.

    Args:
        confidences, right: as `reliability_bins`; n > 0.
        set_aside: shares of the readings, each below 1.

    Returns:
        For each share `{"set_aside": share, "number": how many are left,
        "accuracy": of these}`.
    """
    accuracies = accuracy_by_number(confidences, right)
    # One reading at least: of few, a large share would be all of them.
    numbers = [
        max(1, len(accuracies) - round(share * len(accuracies))) for share in set_aside
    ]
    return [
        {
            "set_aside": share,
            "number": number,
            "accuracy": float(accuracies[number - 1]),
        }
        for share, number in zip(set_aside, numbers)
    ]


def accuracy_by_number(confidences, right) -> np.ndarray:
    """The accuracy of the surest 1, 2, ..., n readings; floats `[n]`."""
    surest_first = np.argsort(-np.asarray(confidences, float), kind="stable")
    count = np.cumsum(np.asarray(right, float)[surest_first])
    return count / np.arange(1, len(count) + 1)


def wilson_interval(successes: int, number: int, z: float = Z_95):
    """Wilson's interval around a share.

    Args:
        successes: how many of `number` succeeded.
        number: how many tried, at least 1.
        z: half-width in standard deviations; 95 % by default.

    Returns:
        The interval's ends, floats in 0..1.
    """
    share = successes / number
    middle = share + z**2 / (2 * number)
    half = z * math.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    scale = 1 + z**2 / number
    # Rounding must not push an end past what is possible.
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def evaluate_confidence(sum_probabilities, sums) -> dict:
    """All of the above for the most likely sums.

    Args:
        sum_probabilities: floats `[n, 37]`.
        sums: integers `[n]`, the true sums.

    Returns:
        `{"num_images", "accuracy", "ece", "nll", "brier", "risk_coverage"}`.
    """
    confidences = np.max(sum_probabilities, axis=-1)
    right = np.argmax(sum_probabilities, axis=-1) == np.ravel(sums)
    return {
        "num_images": len(right),
        "accuracy": float(right.mean()),
        "ece": expected_calibration_error(confidences, right),
        "nll": negative_log_likelihood(sum_probabilities, sums),
        "brier": brier_score(sum_probabilities, sums),
        "risk_coverage": risk_coverage(confidences, right),
    }
