"""The page to draw on, and the model behind it, at one address.

    /                                  the page; its files are in page/
    /examples.json, /examples/<name>   pictures to try
    /v1/models/<name>:predict          the model, in TensorFlow Serving's form
    /canvas                            a picture -> the 6,720 pixels a model sees

The page only asks its own address, so that no browser needs permission to ask
another server (CORS): this one forwards requests.
"""

import dataclasses
import http.server
import socket
import sys
import threading

from mnist_sum_tf.data.pictures import canvas_of
from mnist_sum_tf.demo import answerers, origin_checks
from mnist_sum_tf.demo.handler import Handler
from mnist_sum_tf.demo.served_files import File, find_files
from mnist_sum_tf.user_errors import UserError, first_line, kind_and_line, one_line

# Large photographs, and long JSON, take memory while they are read ...
MAX_AT_A_TIME = 4
# ... and before that, while they arrive or wait.
MAX_LARGE_BODIES = 8


@dataclasses.dataclass(frozen=True)
class DemoConfig:
    """Where the page is served, and who reads what is drawn.

    Attributes:
        host: the address to listen at; other machines reach the page only at
            one of this machine's network addresses, or `0.0.0.0`. A loopback
            address is asked by names of this machine alone, see `origin_checks`.
        port: a free one where 0.
        model: a SavedModel or a folder of versions, read in this process.
        backend: the address of a model server to ask in its place, with the
            environment's token, see `addresses.read_token`.
        ca_certificates: of the backend, see `addresses.Server`.
        examples: a folder of PNG and JPEG pictures to try; none where `None`
            or not there.
    """

    host: str = "127.0.0.1"
    port: int = 8600
    model: str | None = None
    backend: str | None = None
    ca_certificates: str | None = None
    examples: str | None = None


def run_demo(config: DemoConfig) -> None:
    """Serves the page until it is interrupted.

    Raises:
        UserError: if the port, the model, or the backend's address, certificates or
            token is invalid.
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
        answer = answerers.remote_answerer(config.backend, config.ca_certificates)
    else:
        answer = answerers.local_answerer(config.model)
    files = find_files(config.examples)
    try:
        server = DemoServer(config, answer, files)
    except (OSError, OverflowError, TypeError, ValueError) as error:
        # The last two: of a host that cannot be a name.
        raise UserError(
            "--host and --port must be an address that is free. Received: "
            f"{one_line(config.host)}:{config.port} ({first_line(error)})"
        ) from None
    # The first canvas takes seconds, which no user should wait for. Started last:
    # a program that ends while TensorFlow works in a thread is aborted.
    blank = answerers.blank_file()
    threading.Thread(target=canvas_of, args=("blank", blank), daemon=True).start()
    return server


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
        self.large_bodies = threading.BoundedSemaphore(MAX_LARGE_BODIES)
        self.files = files
        if ":" in config.host:
            self.address_family = socket.AF_INET6
        super().__init__((config.host, config.port), Handler)
        self.is_local = origin_checks.is_loopback(self.server_address[0])

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start_in_thread(self) -> None:
        """Answers beside the caller, until `shutdown`."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A connection that fails ends alone, and in one line."""
        print(f"Not answered: {kind_and_line(sys.exception())}", file=sys.stderr)
