"""TensorFlow Serving's JSON, both ways."""

import json

import numpy as np
import pytest

from mnist_sum_tf.serving import rest_form
from mnist_sum_tf.serving.errors import RequestRefused

SIGNATURES = {
    "serving_default": {"images": np.uint8},
    "serving_bytes": {"image_bytes": object},
    "two": {"a": np.int32, "b": np.float32},
}


def parse(**content):
    return rest_form.parse_request(json.dumps(content).encode(), SIGNATURES.__getitem__)


@pytest.mark.parametrize(
    "content, is_row_format",
    [
        ({"instances": [[1, 2], [3, 255]]}, True),
        ({"instances": [{"images": [1, 2]}, {"images": [3, 255]}]}, True),
        ({"inputs": [[1, 2], [3, 255]]}, False),
        ({"inputs": {"images": [[1, 2], [3, 255]]}}, False),
    ],
)
def test_rows_and_columns_named_or_not(content, is_row_format):
    request = parse(**content)
    assert request.signature == "serving_default"
    assert request.is_row_format == is_row_format
    assert request.inputs["images"].dtype == np.uint8
    assert request.inputs["images"].tolist() == [[1, 2], [3, 255]]


def test_strings_are_in_base_64_or_plain():
    request = parse(signature_name="serving_bytes", instances=[{"b64": "AP8="}, "é"])
    assert request.inputs["image_bytes"].tolist() == [b"\0\xff", b"\xc3\xa9"]


def test_two_inputs_by_name():
    rows = [{"a": 1, "b": 2.5}, {"a": 3, "b": 4}]
    inputs = parse(signature_name="two", instances=rows).inputs
    assert inputs["a"].tolist() == [1, 3] and inputs["a"].dtype == np.int32
    assert inputs["b"].tolist() == [2.5, 4] and inputs["b"].dtype == np.float32


@pytest.mark.parametrize(
    "content, message",
    [
        ({}, "one of 'instances' and 'inputs'"),
        ({"instances": [1], "inputs": [1]}, "one of 'instances' and 'inputs'"),
        ({"instances": []}, "empty list"),
        ({"instances": [256]}, "out of range of uint8"),
        ({"instances": [-1]}, "out of range of uint8"),
        ({"instances": [0.5]}, "not of expected type: uint8"),
        ({"instances": [[1], [1, 2]]}, "not as expected"),
        ({"instances": [{"images": 1}, 7]}, "Failed to process element"),
        ({"inputs": {"picture": [1]}}, "does not have named input: picture"),
        ({"signature_name": "two", "inputs": [1]}, "expecting an object"),
        ({"signature_name": ["two"], "inputs": [1]}, "must be a string"),
        (
            {"signature_name": "serving_bytes", "instances": [{"b64": "%"}]},
            "Unable to base64 decode",
        ),
        (
            {"signature_name": "serving_bytes", "instances": [7]},
            "Unable to base64 decode",
        ),
    ],
)
def test_what_is_wrong_is_said(content, message):
    with pytest.raises(RequestRefused, match=message):
        parse(**content)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_no_json(body):
    with pytest.raises(RequestRefused, match="JSON Parse error"):
        rest_form.parse_request(body, SIGNATURES.__getitem__)


def test_answers_come_in_the_form_of_the_question():
    outputs = {"x": np.array([1, 2]), "y": np.array([[3.0], [4.0]])}
    assert rest_form.format_answer(outputs, is_row_format=True) == {
        "predictions": [{"x": 1, "y": [3.0]}, {"x": 2, "y": [4.0]}]
    }
    assert rest_form.format_answer(outputs, is_row_format=False) == {
        "outputs": {"x": [1, 2], "y": [[3.0], [4.0]]}
    }
    only = {"x": np.array([1, 2])}
    assert rest_form.format_answer(only, True) == {"predictions": [1, 2]}
    assert rest_form.format_answer(only, False) == {"outputs": [1, 2]}
