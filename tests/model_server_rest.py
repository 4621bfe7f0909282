"""TensorFlow Serving's REST routes, answered by a `ModelServer`."""

import base64
import binascii
import http.server
import json
import re
import threading

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from model_server import MAX_MESSAGE_BYTES, ModelServer, StatusError
from tensorflow_serving.apis import model_pb2, predict_pb2

PREDICT = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?:predict")
MODEL = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?(/metadata)?")
STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.NOT_FOUND: 404,
}


def invalid(message: str) -> StatusError:
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


def start_rest_server(server: ModelServer, port: int):
    """An HTTP server in a thread, and its port."""

    class Handler(_Handler):
        model_server = server

    result = _HttpServer(("localhost", port), Handler)
    threading.Thread(target=result.serve_forever, daemon=True).start()
    return result, result.server_address[1]


class _HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for an answer; two would wait for each other.
    wbufsize = -1
    model_server: ModelServer

    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_MESSAGE_BYTES:
            self.close_connection = True
            return self._send(413, {"error": "request body too large"})
        body = self.rfile.read(length)
        self._answer(lambda: self._post(body))

    def _answer(self, handle):
        try:
            self._send(200, handle())
        except StatusError as error:
            self._send(STATUS[error.code], {"error": error.message})

    def _get(self) -> dict:
        match = MODEL.fullmatch(self.path)
        if not match:
            raise invalid(f"Malformed request: GET {self.path}")
        spec = _spec(match[1], match[2])
        if not match[3]:
            return _to_dict(self.model_server.status(spec))
        return _to_dict(self.model_server.metadata(spec))

    def _post(self, body: bytes) -> dict:
        match = PREDICT.fullmatch(self.path)
        if not match:
            raise invalid(f"Malformed request: POST {self.path}")
        spec = _spec(match[1], match[2])
        request, is_row_format = _parse(self.model_server, spec, body)
        _, outputs = self.model_server.predict(request)
        return _format(outputs, is_row_format)

    def _send(self, status: int, answer: dict):
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def log_message(self, *args):
        pass


def _spec(name: str, version: str | None):
    spec = model_pb2.ModelSpec(name=name)
    if version:
        spec.version.value = int(version)
    return spec


def _to_dict(message) -> dict:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )  # fmt: skip


def _parse(server: ModelServer, spec, body: bytes):
    """The JSON of a request as a `PredictRequest`."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(content, dict):
        raise invalid("JSON Value: not formatted correctly")
    spec.signature_name = content.get("signature_name", "serving_default")
    signatures = server.versions[server._number(spec)].signatures
    if spec.signature_name not in signatures:
        raise invalid(
            f'Serving signature name: "{spec.signature_name}" not found in '
            "signature def"
        )
    wanted = signatures[spec.signature_name].inputs
    if ("instances" in content) == ("inputs" in content):
        raise invalid("Expected one of 'instances' and 'inputs'")
    is_row_format = "instances" in content
    columns = (
        _columns(content["instances"], wanted)
        if is_row_format
        else _named(content["inputs"], wanted)
    )
    request = predict_pb2.PredictRequest(model_spec=spec)
    for name, values in columns.items():
        if name not in wanted:
            raise invalid(f"JSON object: does not have named input: {name}")
        request.inputs[name].CopyFrom(_tensor(values, wanted[name].dtype))
    return request, is_row_format


def _columns(instances, wanted) -> dict:
    """Rows, each a value or a dict of named values, as columns."""
    if not isinstance(instances, list) or not instances:
        raise invalid("no values for 'instances' or an empty list")
    is_named = isinstance(instances[0], dict) and set(instances[0]) != {"b64"}
    if not is_named:
        return _named(instances, wanted)
    try:
        return {name: [row[name] for row in instances] for name in instances[0]}
    except (KeyError, TypeError) as error:
        raise invalid("Failed to process element of 'instances'") from error


def _named(values, wanted) -> dict:
    """Inputs by name, where a single input needs none."""
    if isinstance(values, dict) and set(values) != {"b64"}:
        return values
    if len(wanted) != 1:
        raise invalid("inputs is a plain value/list, but expecting an object")
    return {next(iter(wanted)): values}


def _tensor(values, dtype):
    dtype = tf.as_dtype(dtype)
    try:
        if dtype == tf.string:
            array = np.array([_decoded(value) for value in values], object)
            return tf.make_tensor_proto(array, tf.string)
        array = np.array(values)
        wanted = np.integer if dtype.is_integer else np.number
        if array.size and not np.issubdtype(array.dtype, wanted):
            raise invalid(f"JSON Value is not of expected type: {dtype.name}")
        return tf.make_tensor_proto(array.astype(dtype.as_numpy_dtype))
    except (ValueError, TypeError) as error:
        raise invalid(f"JSON Value: not as expected: {error}") from error


def _decoded(value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (KeyError, binascii.Error) as error:
        raise invalid("Unable to base64 decode") from error


def _format(outputs: dict, is_row_format: bool) -> dict:
    values = {name: value.tolist() for name, value in outputs.items()}
    only = next(iter(values.values())) if len(values) == 1 else None
    if not is_row_format:
        return {"outputs": values if only is None else only}
    if only is not None:
        return {"predictions": only}
    rows = zip(*values.values())
    return {"predictions": [dict(zip(values, row)) for row in rows]}
