"""What the tests of the page's server share: one with a stand-in for a model."""

import contextlib
import http.client
import json
import pathlib
import socket

import pytest

from mnist_sum_tf.demo import handler, served_files
from mnist_sum_tf.demo import server as demo
from mnist_sum_tf.serving import errors

PHOTOGRAPHS = pathlib.Path(__file__).parents[1] / "exported_models" / "photographs"


def answer_by_brightness(signature, inputs):
    """A stand-in: the sum of each image's pixels, or a failure by signature."""
    if signature == "serving_bytes":
        raise errors.ServerUnavailable("nobody there")
    return {"sum": inputs["images"].reshape(len(inputs["images"]), -1).sum(1)}


@contextlib.contextmanager
def serving(answer=answer_by_brightness, host="127.0.0.1", examples=None):
    """A server that answers, at a free port, until the end of a `with` block."""
    config = demo.DemoConfig(host=host, port=0)
    server = demo.DemoServer(config, answer, served_files.find_files(examples))
    server.start_in_thread()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def server():
    with serving(examples=str(PHOTOGRAPHS)) as server:
        yield server


def ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection(*server.server_address[:2])
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response, response.read()


def predict(server, content, **headers) -> tuple[int, dict]:
    body = json.dumps(content)
    response, answer = ask(server, "POST", handler.PREDICT_PATH, body, **headers)
    return response.status, json.loads(answer)


def send(server, request: bytes) -> tuple[int, str]:
    """What bytes are answered with: the status, and the error in words."""
    with socket.create_connection(server.server_address[:2]) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, json.loads(response.read())["error"]
