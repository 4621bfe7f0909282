"""The page to draw on, and the model behind it, at one address.

    /                                  the page; its files are in page/
    /examples.json, /examples/<name>   pictures to try
    /v1/models/<name>:predict          the model, in TensorFlow Serving's form
    /canvas                            a picture -> the 6,720 pixels a model sees

The page asks its own address only, so a browser needs no permission to ask
another server: this one passes questions on.
"""

import dataclasses
import http.server
import json
import socket
import threading
import urllib.parse

from mnist_sum_tf.config import UserError
from mnist_sum_tf.demo import answerers
from mnist_sum_tf.demo.served_files import File, find_files
from mnist_sum_tf.prediction import canvas_of
from mnist_sum_tf.serving import errors, rest_form

MODEL_NAME = "mnist_sum"
PREDICT_PATH = f"/v1/models/{MODEL_NAME}:predict"
CANVAS_PATH = "/canvas"
# A picture of 10 MB in base 64, and its JSON. The page refuses larger ones.
MAX_BODY_BYTES = 14_000_000
# Large photographs, and long JSON, take memory while they are read.
MAX_AT_A_TIME = 4
# Of a client that does not go on sending, or does not take its answer.
SOCKET_TIMEOUT_SECONDS = 20
STATUSES = {
    errors.RequestRefused: 400,
    errors.ModelNotFound: 404,
    errors.MessageTooLarge: 413,
    errors.DeadlineExceeded: 504,
}
HEADERS = {
    # Nothing of the page comes from, or goes, elsewhere.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@dataclasses.dataclass(frozen=True)
class DemoConfig:
    """Where the page is served, and who reads what is drawn.

    Attributes:
        host: the address to listen at; other machines reach the page only at
            one of this machine's network addresses, or `0.0.0.0`.
        port: a free one where 0.
        model: a SavedModel or a folder of versions, read in this process.
        backend: the address of a model server to ask in its place.
        examples: a folder of PNG and JPEG pictures to try; none where `None`
            or not there.
    """

    host: str = "127.0.0.1"
    port: int = 8600
    model: str | None = None
    backend: str | None = None
    examples: str | None = None


def run_demo(config: DemoConfig) -> None:
    """Serves the page until it is interrupted.

    Raises:
        UserError: if the port, the model or the backend's address is none.
    """
    try:
        with start_server(config) as server:
            print(f"Draw at {server.url} (Ctrl-C ends)", flush=True)
            server.serve_forever()
    except KeyboardInterrupt:
        pass


def start_server(config: DemoConfig) -> "DemoServer":
    """A server that listens; `serve_forever` makes it answer.

    Raises:
        UserError: see `run_demo`.
    """
    if config.backend:
        answer = answerers.remote_answerer(config.backend, MODEL_NAME)
    else:
        answer = answerers.local_answerer(config.model)
    # The first canvas takes seconds, which nobody who draws shall wait for.
    blank = answerers.blank_file()
    threading.Thread(target=canvas_of, args=("blank", blank), daemon=True).start()
    files = find_files(config.examples)
    try:
        return DemoServer(config, answer, files)
    except (OSError, OverflowError) as error:
        raise UserError(
            "--host and --port must be an address that is free. Received: "
            f"{config.host}:{config.port} ({error})"
        ) from None


class DemoServer(http.server.ThreadingHTTPServer):
    """Serves the page's files and one model.

    Args:
        config: where.
        answer: see `answerers`.
        files: what is served, by path.
    """

    daemon_threads = True

    def __init__(
        self, config: DemoConfig, answer: answerers.Answerer, files: dict[str, File]
    ):
        self.answer = answer
        self.slots = threading.BoundedSemaphore(MAX_AT_A_TIME)
        self.files = files
        if ":" in config.host:
            self.address_family = socket.AF_INET6
        super().__init__((config.host, config.port), _Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start_in_thread(self) -> None:
        """Answers beside the caller, until `shutdown`."""
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "mnist_sum_demo", ""
    timeout = SOCKET_TIMEOUT_SECONDS
    # One packet for an answer; two would wait for each other.
    wbufsize = -1
    server: DemoServer

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        found = self.server.files.get(path)
        if found is None:
            return self._send_error(404, f"There is nothing at {path}")
        self._send(200, found)

    do_HEAD = do_GET

    def do_POST(self):
        body = self._read_body()
        if body is None:
            return
        answers = {CANVAS_PATH: self._canvas, PREDICT_PATH: self._prediction}
        if self.path not in answers:
            return self._send_error(404, f"Expected {PREDICT_PATH}")
        try:
            with self.server.slots:
                answer = answers[self.path](body)
        except errors.ServingError as error:
            # Whatever else a backend may have may pass.
            return self._send_error(STATUSES.get(type(error), 503), str(error))
        except UserError as error:
            return self._send_error(400, str(error))
        self._send(200, answer)

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

    def _read_body(self) -> bytes | None:
        """The request's body, or `None` if an error was sent in its place."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            return self._send_error(411, "Expected a Content-Length")
        if int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return self._send_error(
                413, f"Expected up to {MAX_BODY_BYTES} bytes. Received: {length}"
            )
        return self.rfile.read(int(length))

    def _send_error(self, status: int, message: str) -> None:
        self._send(status, _json_file({"error": message}))

    def _send(self, status: int, file: File) -> None:
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
