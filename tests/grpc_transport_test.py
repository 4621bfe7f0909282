"""Whatever a server answers by gRPC is an answer, or an error in one line."""

import concurrent.futures
import socket

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving")

import grpc
from google.protobuf import any_pb2
from proxy_fixtures import certificate
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)

from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.client import Server, connect
from mnist_sum_tf.serving.grpc_transport import GrpcTransport
from mnist_sum_tf.serving.version_status import VersionStatus

LOGITS = {"digit_logits": np.zeros((1, 4, 10), np.float32)}


class Answering(GrpcTransport):
    """Is answered what it is told, by a server that is not there."""

    def __init__(self, response):
        super().__init__("host:1", "mnist_sum")
        self.response = response

    def _call(self, method, request, timeout):
        return self.response


@pytest.mark.parametrize(
    "tensor, received",
    [
        (tensor_pb2.TensorProto(), "Cannot convert the argument"),
        (
            tensor_pb2.TensorProto(dtype="DT_FLOAT", tensor_content=b"12345"),
            "buffer size must be a multiple of element size",
        ),
    ],
)
def test_a_tensor_that_is_none(tensor, received):
    response = predict_pb2.PredictResponse()
    response.outputs["sum"].CopyFrom(tensor)
    with pytest.raises(errors.ServingError) as raised:
        Answering(response).predict("decode", LOGITS, 1)
    start = "grpc://host:1: expected a model server's answer. Received: "
    assert str(raised.value).startswith(start + received)


@pytest.mark.parametrize(
    "content",
    [
        any_pb2.Any(),
        any_pb2.Any(
            type_url="type.googleapis.com/tensorflow.serving.SignatureDefMap",
            value=b"\xff\xff",
        ),
    ],
)
def test_signatures_that_are_none(content):
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.metadata["signature_def"].CopyFrom(content)
    with pytest.raises(errors.ServingError) as raised:
        Answering(response).signatures(1)
    assert str(raised.value) == (
        "grpc://host:1: expected a model server's answer. Received: no signatures"
    )


def test_a_signature_without_inputs():
    definitions = get_model_metadata_pb2.SignatureDefMap()
    definitions.signature_def["version"].outputs["number"].name = "number:0"
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.metadata["signature_def"].Pack(definitions)
    assert Answering(response).signatures(1) == {
        "version": {"inputs": {}, "outputs": {"number": {"name": "number:0"}}}
    }


def test_versions_and_why_they_did_not_load():
    response = get_model_status_pb2.GetModelStatusResponse()
    response.model_version_status.add(
        version=3, state="END", status={"error_message": "no SavedModel"}
    )
    response.model_version_status.add(version=2, state="LOADING")
    assert Answering(response).versions(1) == {
        3: VersionStatus("END", "no SavedModel"),
        2: VersionStatus("LOADING"),
    }


@pytest.fixture(params=["encrypted", "plain"])
def server(request, certificate):
    """A server without a service: what it speaks, and its port."""
    result = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    if request.param == "encrypted":
        key, chain = (
            (certificate / name).read_bytes() for name in ("key.pem", "cert.pem")
        )
        credentials = grpc.ssl_server_credentials([(key, chain)])
        port = result.add_secure_port("localhost:0", credentials)
    else:
        port = result.add_insecure_port("localhost:0")
    result.start()
    yield request.param, port
    result.stop(0)


def test_encryption_that_fails_is_not_tried_again(server):
    kind, port = server
    expected = {
        "encrypted": "the server's certificate is not trusted",
        "plain": "expected a server that speaks TLS",
    }[kind]
    url = f"grpcs://localhost:{port}"
    with pytest.raises(errors.ServingError) as raised:
        connect(Server(url)).predict("decode", LOGITS)
    assert type(raised.value) is errors.ServingError
    assert str(raised.value).startswith(f"{url}: {expected}. Received: ")


@pytest.mark.parametrize("server", ["encrypted"], indirect=True)
def test_a_certificate_for_another_host(server, certificate):
    _, port = server
    where = Server(
        f"grpcs://127.0.0.1:{port}", ca_certificates=certificate / "cert.pem"
    )
    with pytest.raises(errors.ServingError, match="certificate is not trusted"):
        connect(where).predict("decode", LOGITS)


def test_the_environments_proxy_is_not_told_the_token(monkeypatch):
    proxy, nobody = socket.create_server(("localhost", 0)), socket.socket()
    nobody.bind(("localhost", 0))  # not listening
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://localhost:{proxy.getsockname()[1]}")
    for name in ("no_grpc_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    proxy.settimeout(0.5)
    transport = GrpcTransport(
        f"localhost:{nobody.getsockname()[1]}", "mnist_sum", token="secret"
    )
    with proxy, nobody, pytest.raises(errors.ServerUnavailable):
        try:
            transport.versions(timeout=10)
        finally:
            with pytest.raises(TimeoutError):
                proxy.accept()
            transport.close()
