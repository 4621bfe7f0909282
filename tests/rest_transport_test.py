"""Whatever a server answers by REST is an answer, or an error in one line."""

import json

import numpy as np
import pytest
from proxy_fixtures import proxy

from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.client import Server, connect
from mnist_sum_tf.serving.rest_transport import RestTransport
from mnist_sum_tf.serving.version_status import VersionStatus

LOGITS = {"digit_logits": np.zeros((1, 4, 10), np.float32)}
IMAGES = {"images": np.zeros((1, 40, 168, 1), np.uint8)}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.RequestRefused),
        (401, errors.AccessRefused),
        (403, errors.AccessRefused),
        (413, errors.MessageTooLarge),
        (429, errors.ServerBusy),
        (500, errors.ServingError),
        (302, errors.ServingError),
        (200, errors.ServingError),
        (502, errors.ServerUnavailable),
        (503, errors.ServerUnavailable),
        (504, errors.DeadlineExceeded),
    ],
)
def test_what_a_proxy_answers(proxy, status, error):
    proxy.status, proxy.body = status, b"<html>\nA page of a proxy"
    transport = RestTransport(proxy.url, "mnist_sum")
    with pytest.raises(error) as raised:
        transport.predict("decode", LOGITS, 5)
    assert type(raised.value) is error
    assert str(raised.value).endswith(f"Received: status {status}, <html>")


@pytest.fixture
def asked(proxy):
    """The paths that the proxy was asked for."""
    paths = []
    proxy.end_headers = lambda handler: (
        paths.append(handler.path),
        super(proxy, handler).end_headers(),
    )
    return paths


def test_a_redirect_is_not_followed(proxy, asked):
    proxy.status = 302
    end_headers = proxy.end_headers
    proxy.end_headers = lambda handler: (
        handler.send_header("Location", f"{proxy.url}/elsewhere"),
        end_headers(handler),
    )
    with pytest.raises(errors.ServingError, match="Received: status 302"):
        RestTransport(proxy.url, "mnist_sum").predict("decode", LOGITS, 5)
    assert asked == ["/v1/models/mnist_sum:predict"]


def test_a_slash_in_a_models_name_is_no_folder(proxy, asked):
    proxy.body = b'{"outputs": [7.0]}'
    RestTransport(proxy.url, "a/b").predict("decode", LOGITS, 5)
    assert asked == ["/v1/models/a%2Fb:predict"]


@pytest.mark.parametrize(
    "body",
    [
        '{"status": "ok"}',
        "[1, 2]",
        "null",
        "7",
        "",
        '{"outputs": {"digits": "abc"}}',
        '{"outputs": {"digits": [[1, 2], [3]]}}',
        '{"outputs": {"digits": [null]}}',
        '{"outputs": {"digits": [1.5]}}',
        '{"outputs": {"digits": [NaN]}}',
        '{"outputs": {"digits": ["1"]}}',
        '{"outputs": {"digits": [3000000000]}}',
        '{"outputs": {"sum": [true]}}',
        '{"outputs": {"sum": [1' + 200 * "0" + "]}}",
        '{"outputs": null}',
    ],
)
def test_a_prediction_that_is_none(proxy, body):
    proxy.body = body.encode()
    transport = RestTransport(proxy.url, "mnist_sum")
    with pytest.raises(errors.ServingError) as raised:
        transport.predict("serving_default", IMAGES, 5)
    assert str(raised.value) == (
        f"{proxy.url}: expected a model server's answer. "
        f"Received: status 200, {body or 'no reason given'}"
    )


def test_brackets_without_end(proxy):
    proxy.body = 100_000 * b"["
    with pytest.raises(errors.ServingError) as raised:
        RestTransport(proxy.url, "mnist_sum").predict("decode", LOGITS, 5)
    assert str(raised.value) == (
        f"{proxy.url}: expected a model server's answer. "
        f"Received: status 200, {300 * '['}…"
    )


@pytest.mark.parametrize(
    "body",
    [
        '{"model_version_status": null}',
        '{"model_version_status": [{}]}',
        '{"model_version_status": [{"version": "new", "state": "END"}]}',
        '{"model_version_status": [{"version": "1", "state": null}]}',
        '{"model_version_status": [{"version": "1", "state": "END", "status": null}]}',
        (
            '{"model_version_status": [{"version": "1", "state": "END", '
            '"status": {"error_message": 5}}]}'
        ),
        "{}",
    ],
)
def test_versions_that_are_none(proxy, body):
    proxy.body = body.encode()
    with pytest.raises(errors.ServingError) as raised:
        connect(Server(proxy.url)).versions()
    assert str(raised.value) == (
        f"{proxy.url}: expected a model server's answer. Received: status 200, {body}"
    )


def test_versions_and_why_they_did_not_load(proxy):
    known = [
        {
            "version": "3",
            "state": "END",
            "status": {"error_code": "NOT_FOUND", "error_message": "no SavedModel"},
        },
        {
            "version": "2",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        },
        {"version": "1", "state": "END"},
    ]
    proxy.body = json.dumps({"model_version_status": known}).encode()
    assert connect(Server(proxy.url)).versions() == {
        3: VersionStatus("END", "no SavedModel"),
        2: VersionStatus("AVAILABLE"),
        1: VersionStatus("END"),
    }


def metadata(definitions) -> str:
    return json.dumps({"metadata": {"signature_def": {"signature_def": definitions}}})


@pytest.mark.parametrize(
    "body",
    [
        '{"metadata": {}}',
        '{"metadata": null}',
        metadata(None),
        metadata([1]),
        metadata({"encode": None}),
        metadata({"encode": {"inputs": None}}),
        metadata({"encode": {"outputs": "digits"}}),
    ],
)
def test_signatures_that_are_none(proxy, body):
    proxy.body = body.encode()
    with pytest.raises(errors.ServingError) as raised:
        connect(Server(proxy.url)).signatures()
    assert str(raised.value) == (
        f"{proxy.url}: expected a model server's answer. Received: status 200, {body}"
    )


def test_a_signature_without_inputs(proxy):
    proxy.body = metadata({"version": {"method_name": "predict"}}).encode()
    assert connect(Server(proxy.url)).signatures() == {
        "version": {"method_name": "predict", "inputs": {}, "outputs": {}}
    }


@pytest.mark.parametrize("outputs", [{}, {"a": {}, "b": {}}])
def test_an_output_that_nothing_names(proxy, outputs):
    answers = {"outputs": [7], **json.loads(metadata({"own": {"outputs": outputs}}))}
    proxy.body = json.dumps(answers).encode()
    transport = RestTransport(proxy.url, "mnist_sum")
    for signature in ("own", "other"):
        with pytest.raises(errors.ServingError) as raised:
            transport.predict(signature, IMAGES, 5)
        assert str(raised.value) == (
            f"{proxy.url}: expected a model server's answer. "
            f"Received: outputs without names for {signature}"
        )


def test_an_output_is_named_by_its_signature(proxy):
    answers = json.loads(metadata({"own": {"outputs": {"a": {}}}}))
    proxy.body = json.dumps({"outputs": [7], **answers}).encode()
    answer = RestTransport(proxy.url, "mnist_sum").predict("own", IMAGES, 5)
    assert answer == {"a": [7.0]} and answer["a"].dtype == np.float32
