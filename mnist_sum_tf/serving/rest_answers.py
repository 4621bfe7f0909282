"""What TensorFlow Serving's JSON answers hold, as arrays and dictionaries.

Each function raises one of `MALFORMED_ANSWER_ERRORS` where the JSON is of another form.
"""

import json

import numpy as np

from mnist_sum_tf.runtimes.outputs import OUTPUTS
from mnist_sum_tf.serving.version_status import VersionStatus

MALFORMED_ANSWER_ERRORS = (
    AttributeError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
)
# Stands for the name of a single output, which REST omits.
UNNAMED = ""


def parse_json(text: bytes):
    """Parses JSON; `None` if it is invalid, such as a proxy's error page."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def outputs(found) -> dict[str, np.ndarray]:
    """The arrays of a prediction, by name; a single one as `UNNAMED`."""
    if not isinstance(found, dict):
        found = {UNNAMED: found}
    elif UNNAMED in found:
        raise KeyError("expected names of outputs")
    return {name: _array(value, _dtype_of(name)) for name, value in found.items()}


def versions(found) -> dict[int, VersionStatus]:
    """The status of each version."""
    statuses = {
        int(each["version"]): VersionStatus(
            each["state"], each.get("status", {}).get("error_message", "")
        )
        for each in found
    }
    if not all(isinstance(text, str) for each in statuses.values() for text in each):
        raise TypeError("expected the state and the error message of each version")
    return statuses


def signatures(metadata) -> dict[str, dict]:
    """`SignatureDef`s by name, each with `inputs` and `outputs`."""
    definitions = metadata["signature_def"]["signature_def"]
    return {
        name: {
            **definition,
            "inputs": dict(definition.get("inputs", {})),
            "outputs": dict(definition.get("outputs", {})),
        }
        for name, definition in definitions.items()
        if not name.startswith("__")  # TensorFlow's own.
    }


def _dtype_of(output: str):
    """Its dtype, which JSON lacks; those that are not of a reading are float32."""
    return OUTPUTS[output].dtype if output in OUTPUTS else np.float32


def _array(value, dtype) -> np.ndarray:
    """Nested lists of numbers as an array; nothing is rounded to a whole number."""
    array = np.array(value)
    is_whole = np.issubdtype(dtype, np.integer)
    if array.size and array.dtype.kind not in ("iu" if is_whole else "iuf"):
        raise TypeError(f"expected numbers of {np.dtype(dtype)}")
    if array.size and is_whole:
        limits = np.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise OverflowError(f"expected numbers of {np.dtype(dtype)}")
    with np.errstate(over="ignore"):
        return array.astype(dtype)
