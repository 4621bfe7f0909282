"""Whether what a server answers is what the model's signatures promise.

An address may lead to another model, or to no model server at all.
"""

from typing import NamedTuple

import numpy as np

from mnist_sum_tf.config import NUM_CLASSES, NUM_DIGITS, NUM_SUMS
from mnist_sum_tf.serving.errors import ServingError

# The signatures whose outputs are those below.
READING_SIGNATURES = ("serving_default", "serving_bytes")
MAX_MESSAGE_BYTES = 64_000_000  # of a request or an answer
# Allowed rounding error of a probability.
TOLERANCE = 1e-3


class Output(NamedTuple):
    """What an output must be.

    Attributes:
        shape: of one image's row.
        kinds: allowed dtype kinds, as NumPy's letters.
        largest: upper bound of values from 0; `None` where there is none.
    """

    shape: tuple[int, ...]
    kinds: str
    largest: int | None


OUTPUTS = {
    "digits": Output((NUM_DIGITS,), "iu", NUM_CLASSES - 1),
    "digit_probabilities": Output((NUM_DIGITS, NUM_CLASSES), "f", 1),
    "sum": Output((), "f", None),
    "sum_probabilities": Output((NUM_SUMS,), "f", 1),
    "most_likely_sum": Output((), "iu", NUM_SUMS - 1),
}
# Outputs that every answer must have.
REQUIRED_OUTPUTS = ("digits", "sum_probabilities", "most_likely_sum")


def checked_answer(
    address: str, outputs: dict[str, np.ndarray], num_images: int
) -> dict[str, np.ndarray]:
    """Returns the known outputs, after checking shape, dtype and range.

    Args:
        address: of the server, for the message.
        outputs: of one of the signatures `READING_SIGNATURES`, by name.
        num_images: number of images in the request.

    Raises:
        ServingError: if a needed output is missing, or one is of another shape,
            dtype or range.
    """
    missing = [name for name in REQUIRED_OUTPUTS if name not in outputs]
    known = {name: outputs[name] for name in OUTPUTS if name in outputs}
    faults = [f"no {name}" for name in missing]
    faults += [_fault(name, value, num_images) for name, value in known.items()]
    for fault in filter(None, faults):
        raise wrong_answer(address, fault)
    return known


def wrong_answer(address: str, received: str) -> ServingError:
    """The error for an answer that is not a model server's, or not this model's."""
    return ServingError(
        f"{address}: expected a model server's answer. Received: {received}"
    )


def _fault(name: str, value: np.ndarray, num_images: int) -> str | None:
    shape, kinds, largest = OUTPUTS[name]
    if value.shape != (num_images, *shape) or value.dtype.kind not in kinds:
        what = f"{value.dtype} {list(value.shape)}"
        return f"{name} of {what} for {num_images} images"
    # Written so that NaN fails, too.
    if largest is not None and not np.all(
        (value >= 0) & (value <= largest + TOLERANCE)
    ):
        return f"{name} beyond 0 to {largest}"
    return None
