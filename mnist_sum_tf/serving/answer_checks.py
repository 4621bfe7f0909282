"""Whether what a server answers is what the model's signatures promise.

An address may lead to another model, or to no model server at all.
"""

import numpy as np

from mnist_sum_tf.runtimes.outputs import OUTPUTS
from mnist_sum_tf.serving.errors import ServingError

# The signatures whose outputs are those below.
READING_SIGNATURES = ("serving_default", "serving_bytes")
# Of a request or an answer. A server takes up to 2 GB by gRPC, and has no limit by
# REST; no picture comes near this.
MAX_MESSAGE_BYTES = 64_000_000
# Allowed rounding error of a probability.
TOLERANCE = 1e-3
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
    dtype, shape, largest = OUTPUTS[name]
    is_of_kind = value.dtype.kind in ("iu" if dtype == np.int32 else "f")
    if value.shape != (num_images, *shape) or not is_of_kind:
        what = f"{value.dtype} {list(value.shape)}"
        return f"{name} of {what} for {num_images} images"
    # Written so that NaN fails, too.
    if largest is not None and not np.all(
        (value >= 0) & (value <= largest + TOLERANCE)
    ):
        return f"{name} beyond 0 to {largest}"
    return None
