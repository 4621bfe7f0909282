"""TensorFlow Serving's REST form of a prediction: JSON -> arrays -> JSON.

Both of its forms are taken: rows (`instances`, answered by `predictions`) and
columns (`inputs`, answered by `outputs`).
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from mnist_sum_tf.serving.errors import RequestRefused
from mnist_sum_tf.user_errors import first_line


class Request(NamedTuple):
    """What a client asks.

    Attributes:
        signature: the signature's name.
        inputs: an array for each input; strings as arrays of `bytes` objects.
        is_row_format: whether the answer is to come in rows.
    """

    signature: str
    inputs: dict[str, np.ndarray]
    is_row_format: bool


def parse_request(
    body: bytes, inputs_of: Callable[[str], Mapping[str, np.dtype]]
) -> Request:
    """Reads the body of a `:predict` request.

    Args:
        body: JSON.
        inputs_of: takes a signature's name and returns the dtype of each of its
            inputs, `object` for strings; raises `RequestRefused` for others.

    Raises:
        RequestRefused: saying what is wrong with the request.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(f"JSON Parse error: {error}") from error
    if not isinstance(content, dict):
        raise RequestRefused("JSON Value: not formatted correctly")
    signature = content.get("signature_name", "serving_default")
    if not isinstance(signature, str):
        raise RequestRefused("'signature_name' must be a string")
    wanted = inputs_of(signature)
    if ("instances" in content) == ("inputs" in content):
        raise RequestRefused("Expected one of 'instances' and 'inputs'")
    is_row_format = "instances" in content
    if is_row_format:
        columns = _columns(content["instances"], wanted)
    else:
        columns = _named(content["inputs"], wanted)
    arrays = {}
    for name, values in columns.items():
        if name not in wanted:
            raise RequestRefused(f"JSON object: does not have named input: {name}")
        arrays[name] = _array(values, np.dtype(wanted[name]))
    return Request(signature, arrays, is_row_format)


def format_answer(outputs: dict[str, np.ndarray], is_row_format: bool) -> dict:
    """The answer to a request, for `json.dumps`."""
    values = {name: value.tolist() for name, value in outputs.items()}
    only = next(iter(values.values())) if len(values) == 1 else None
    if not is_row_format:
        return {"outputs": values if only is None else only}
    if only is not None:
        return {"predictions": only}
    rows = zip(*values.values())
    return {"predictions": [dict(zip(values, row)) for row in rows]}


def _columns(instances, wanted) -> dict:
    """Rows, each a value or a dict of named values, as columns."""
    if not isinstance(instances, list) or not instances:
        raise RequestRefused("no values for 'instances' or an empty list")
    is_named = isinstance(instances[0], dict) and set(instances[0]) != {"b64"}
    if not is_named:
        return _named(instances, wanted)
    try:
        return {name: [row[name] for row in instances] for name in instances[0]}
    except (KeyError, TypeError) as error:
        raise RequestRefused("Failed to process element of 'instances'") from error


def _named(values, wanted) -> dict:
    """Inputs by name, where a single input needs none."""
    if isinstance(values, dict) and set(values) != {"b64"}:
        return values
    if len(wanted) != 1:
        raise RequestRefused("inputs is a plain value/list, but expecting an object")
    return {next(iter(wanted)): values}


def _array(values, dtype: np.dtype) -> np.ndarray:
    try:
        if dtype.kind == "O":
            strings = np.empty(len(values), object)
            strings[:] = [_decoded(value) for value in values]
            return strings
        array = np.array(values)
    except (ValueError, TypeError, OverflowError) as error:
        reason = first_line(error)
        raise RequestRefused(f"JSON Value: not as expected: {reason}") from error
    is_integer = np.issubdtype(dtype, np.integer)
    kind = np.integer if is_integer else np.number
    if array.size and not np.issubdtype(array.dtype, kind):
        raise RequestRefused(f"JSON Value is not of expected type: {dtype.name}")
    if array.size and is_integer:
        limits = np.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise RequestRefused(f"JSON Value is out of range of {dtype.name}")
    return array.astype(dtype)


def _decoded(value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError("Unable to base64 decode") from error
