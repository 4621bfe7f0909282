"""Answers the requests of one connection."""

import http.server
import json
import sys
import urllib.parse
from collections.abc import Callable

from mnist_sum_tf.data.pictures import canvas_of
from mnist_sum_tf.demo import answerers, origin_checks, request_bodies
from mnist_sum_tf.demo.error_responses import Refused, error_response
from mnist_sum_tf.demo.served_files import File
from mnist_sum_tf.serving import errors, rest_form
from mnist_sum_tf.serving.addresses import MODEL_NAME

PREDICT_PATH = f"/v1/models/{MODEL_NAME}:predict"
CANVAS_PATH = "/canvas"
# For a client that is idle, or does not read its answer.
SOCKET_TIMEOUT_SECONDS = 20
HEADERS = {
    # The page loads nothing from, and sends nothing to, other hosts.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Handles the requests to a `DemoServer`."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "mnist_sum_demo", ""
    timeout = SOCKET_TIMEOUT_SECONDS
    # Buffered: an answer in two packets would be delayed by Nagle's algorithm.
    wbufsize = -1
    # Whether a body is unread, which must not be parsed as a request.
    is_body_left = False

    def do_GET(self):
        # A body sent with a GET may hide a second request (smuggling).
        has_no_body = self.headers.get("Content-Length", "0") == "0"
        self.is_body_left = not has_no_body or "Transfer-Encoding" in self.headers
        self._answer(self._find_file)

    do_HEAD = do_GET

    def do_POST(self):
        self.is_body_left = True
        self._answer(self._ask)

    def _answer(self, make: Callable[[], File]) -> None:
        try:
            self._check_host()
            status, file = 200, make()
        except Exception as error:  # Else the page would say that nobody answers.
            status, message = error_response(error)
            file = _json_file({"error": message})
            if status == 500:
                print(message, file=sys.stderr, flush=True)
        self._send(status, file)

    def _check_host(self) -> None:
        if self.server.is_local:
            origin_checks.check_host(self.headers.get("Host"))

    def _find_file(self) -> File:
        try:
            path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        except ValueError:
            received = self.path[:100]
            raise Refused(400, f"Expected a path. Received: {received}") from None
        if path not in self.server.files:
            raise Refused(404, f"There is nothing at {path}")
        return self.server.files[path]

    def _ask(self) -> File:
        origin_checks.check_origin(self.headers.get("Origin"), self.headers.get("Host"))
        length = request_bodies.length_of(self.headers)
        answers = {CANVAS_PATH: self._canvas, PREDICT_PATH: self._prediction}
        if self.path not in answers:
            raise Refused(404, f"Expected {PREDICT_PATH}")
        with request_bodies.room_for(length, self.server.large_bodies):
            body = request_bodies.read_body(self.connection, self.rfile, length)
            self.is_body_left = False
            self.connection.settimeout(self.timeout)
            with request_bodies.slot(self.server.slots):
                return answers[self.path](body)

    def _prediction(self, body: bytes) -> File:
        request = rest_form.parse_request(body, _inputs_of)
        outputs = self.server.answer(request.signature, request.inputs)
        return _json_file(rest_form.format_answer(outputs, request.is_row_format))

    def _canvas(self, body: bytes) -> File:
        canvas = canvas_of("picture", body)
        return File("application/octet-stream", canvas.tobytes())

    def handle_expect_100(self):
        """Tells a client at once that it may send its body."""
        may_go_on = super().handle_expect_100()
        self.wfile.flush()
        return may_go_on

    def _send(self, status: int, file: File) -> None:
        self.close_connection |= self.is_body_left
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", file.content_type)
        self.send_header("Content-Length", str(len(file.content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(file.content)
        self.wfile.flush()
        if self.is_body_left:
            request_bodies.drop_rest(self.connection)

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            pass  # A page that was closed meanwhile.

    def log_message(self, *args):
        pass


def _json_file(answer: dict) -> File:
    return File("application/json", json.dumps(answer).encode())


def _inputs_of(signature: str) -> dict:
    if signature not in answerers.INPUTS:
        raise errors.RequestRefused(
            f'Serving signature name: "{signature}" not found in signature def'
        )
    return answerers.INPUTS[signature]
