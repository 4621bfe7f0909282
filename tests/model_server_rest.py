"""TensorFlow Serving's REST routes, answered by a `ModelServer`."""

import http.server
import json
import re
import threading

import grpc
import tensorflow as tf
from google.protobuf import json_format
from model_server import MAX_MESSAGE_BYTES, ModelServer, StatusError
from tensorflow_serving.apis import model_pb2, predict_pb2

from mnist_sum_tf.serving import errors, rest_form

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
        return rest_form.format_answer(outputs, is_row_format)

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
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )


def _parse(server: ModelServer, spec, body: bytes):
    """The JSON of a request as a `PredictRequest`."""
    signatures = server.versions[server._number(spec)].signatures

    def inputs_of(name):
        if name not in signatures:
            raise errors.RequestRefused(
                f'Serving signature name: "{name}" not found in signature def'
            )
        inputs = signatures[name].inputs
        return {key: tf.as_dtype(inputs[key].dtype).as_numpy_dtype for key in inputs}

    try:
        parsed = rest_form.parse_request(body, inputs_of)
    except errors.RequestRefused as error:
        raise invalid(str(error)) from error
    spec.signature_name = parsed.signature
    request = predict_pb2.PredictRequest(model_spec=spec)
    for name, array in parsed.inputs.items():
        dtype = tf.string if array.dtype == object else None
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array, dtype))
    return request, parsed.is_row_format
