"""What an encoder's four slots read, if it was trained without digit labels.

Learned from sums alone, a slot may hold any part of the sum: the digit at its
place, the digit at another one, or a share that is no digit at all.
"""

import numpy as np


def evaluate_slots(digits: np.ndarray, read: np.ndarray) -> dict:
    """Compares what each slot reads with what stands at each place.

    Args:
        digits: integers `[n, 4]` in 0..9, the true digits in reading order.
        read: integers `[n, 4]` in 0..9, the most likely class of each slot.

    Returns:
        `"agreement"`: list `[4][4]`, the share of images in which slot i reads
        what stands at place j (independent digits agree in one of ten);
        `"correlation"`: list `[4][4]`, Pearson's, of the same two, 0 where one
        never varies (a slot that reads a digit's double or its neighbour
        follows it without agreeing); and `"same_digits_any_order"`: the share
        whose four slots hold the image's four digits, in whatever order.
    """
    equal = read[:, :, np.newaxis] == digits[:, np.newaxis, :]
    same = np.sort(read, axis=1) == np.sort(digits, axis=1)
    return {
        "correlation": _correlation(read, digits).round(6).tolist(),
        "agreement": equal.mean(axis=0).round(6).tolist(),
        "same_digits_any_order": round(float(same.all(axis=1).mean()), 6),
    }


def _correlation(read, digits) -> np.ndarray:
    """Pearson's, of each column of the one with each of the other."""
    read, digits = (each - each.mean(axis=0) for each in (read, digits))
    scale = np.outer(read.std(axis=0), digits.std(axis=0))
    covariance = read.T @ digits / len(read)
    return np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)


def reads_in_order(evaluated: dict) -> bool:
    """Whether each slot agrees best with the digit at its own place."""
    agreement = np.array(evaluated["agreement"])
    return bool((np.diag(agreement) == agreement.max(axis=1)).all())
