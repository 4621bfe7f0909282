"""Asks a model server to read images.

The server reads pictures with the preprocessing that is part of the model, so it
answers as `scripts/predict.py` does; but it reads digits in one without ink, too,
unless the client makes the canvases (`serving_default`).
"""

import dataclasses
import itertools
import random
import time
import urllib.parse
from collections.abc import Callable

import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.grpc_transport import GrpcTransport, as_image_bytes
from mnist_sum_tf.serving.rest_transport import RestTransport

SCHEMES = ("http", "https", "grpc", "grpcs")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
MAX_ATTEMPTS = 5
IMAGE_SHAPE = (config.IMAGE_HEIGHT, config.IMAGE_WIDTH, 1)
# Images in one request: a large one delays the others.
BATCH_SIZE = 32


@dataclasses.dataclass(frozen=True)
class Server:
    """Where a model is served.

    Attributes:
        url: `http://host:8501` or `https://host/path` for REST,
            `grpc://host:8500` or `grpcs://host:8500` for gRPC.
        model: the model's name there.
        version: the number of one version; the newest where `None`.
        ca_certificates: path of a PEM file with who may vouch for the server;
            the usual authorities where `None`.
        token: a bearer token that a proxy asks for.
    """

    url: str
    model: str = "mnist_sum"
    version: int | None = None
    ca_certificates: str | None = None
    token: str | None = None


def connect(server: Server, timeout_seconds: float = 30.0) -> "Client":
    """A client of a server; nothing is sent yet.

    Raises:
        UserError: if the address or the certificates are none, or a token
            would leave this machine in the clear.
    """
    try:
        url = urllib.parse.urlsplit(server.url)
        is_address = bool(url.hostname) and (url.port or True)
    except ValueError:
        is_address = False
    if not is_address or url.scheme not in SCHEMES:
        raise config.UserError(
            "--server must be an address like http://localhost:8501 or "
            f"grpc://localhost:8500. Received: {server.url}"
        )
    is_encrypted = url.scheme in ("https", "grpcs")
    if server.token and not (server.token.isascii() and server.token.isprintable()):
        raise config.UserError(
            "A token must be of printable ASCII characters. Received: another one"
        )
    if server.token and not is_encrypted and url.hostname not in LOOPBACK:
        raise config.UserError(
            "A token is only sent encrypted, to https:// or grpcs://, or to this "
            "machine. "
            f"Received: {server.url}"
        )
    certificates = _read_certificates(server.ca_certificates)
    if url.scheme in ("http", "https"):
        transport = RestTransport(
            server.url, server.model, server.version, server.ca_certificates,
            server.token,
        )  # fmt: skip
    else:
        transport = GrpcTransport(
            url.netloc, server.model, server.version, is_encrypted,
            certificates, server.token,
        )  # fmt: skip
    return Client(transport, timeout_seconds)


def _read_certificates(path) -> bytes | None:
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise config.UserError(
            f"{path}: expected a PEM file. Received: {error.strerror}"
        ) from None
    if b"BEGIN CERTIFICATE" not in content:
        raise config.UserError(
            f"{path}: expected a PEM file. Received: one without a certificate"
        )
    return content


class Client:
    """Asks a server, again where that helps, until an overall deadline.

    Args:
        transport: a `RestTransport` or a `GrpcTransport`.
        timeout_seconds: for each request, repetitions and pauses included.
        max_attempts: how often a request is sent at most.
    """

    def __init__(
        self, transport, timeout_seconds=30.0, max_attempts=MAX_ATTEMPTS
    ):
        self._transport = transport
        self._timeout = timeout_seconds
        self._max_attempts = max_attempts

    def predict(self, signature: str, inputs: dict) -> dict[str, np.ndarray]:
        """Runs one of the model's signatures.

        Args:
            signature: its name.
            inputs: an array for each input; bytes as an array of objects.

        Returns:
            An array for each output.

        Raises:
            ServingError: one of those in `errors`.
        """
        return self._repeated(
            lambda left: self._predict_once(signature, inputs, left)
        )

    def read_images(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Reads canvases.

        Args:
            images: uint8 `[n, 40, 168, 1]`, white on black.

        Returns:
            See the signature `serving_default`.

        Raises:
            UserError: if the images are of another kind.
            ServingError: if there is no answer.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape[1:] != IMAGE_SHAPE:
            raise config.UserError(
                "Images must be uint8 [n, 40, 168, 1]. Received: "
                f"{images.dtype} {list(images.shape)}"
            )
        answers = [
            self.predict("serving_default", {"images": images[i:][:BATCH_SIZE]})
            for i in range(0, max(1, len(images)), BATCH_SIZE)
        ]
        return {
            name: np.concatenate([answer[name] for answer in answers])
            for name in answers[0]
        }

    def read_files(self, files: list[bytes]) -> list:
        """Reads image files of any size; a broken one does not spoil the rest.

        Args:
            files: the bytes of up to `BATCH_SIZE` image files.

        Returns:
            For each file a dict with its row of each output of the signature
            `serving_bytes`, or what is wrong with it: a `RequestRefused`, or a
            `MessageTooLarge`.

        Raises:
            ServingError: if there is no answer for another reason.
        """
        try:
            answer = self.predict(
                "serving_bytes", {"image_bytes": as_image_bytes(files)}
            )
        except (errors.RequestRefused, errors.MessageTooLarge) as error:
            if len(files) <= 1:
                return [error for _ in files]
            # One bad image fails its batch without saying which one it is.
            half = len(files) // 2
            return self.read_files(files[:half]) + self.read_files(files[half:])
        return [
            {name: value[i] for name, value in answer.items()}
            for i in range(len(files))
        ]

    def versions(self) -> dict[int, str]:
        """The versions of the model that the server knows, with their state."""
        return self._repeated(self._transport.versions)

    def signatures(self) -> dict:
        """The model's signatures, as `SignatureDef`s in JSON."""
        return self._repeated(self._transport.signatures)

    def close(self) -> None:
        self._transport.close()

    def _repeated(self, ask: Callable):
        """Asks until there is an answer, no hope, or no time.

        Args:
            ask: takes the seconds that are left. It only reads, so it may be
                called again even if the server got the request before.
        """
        deadline = time.monotonic() + self._timeout
        for attempt in itertools.count(1):
            try:
                return ask(max(0.001, deadline - time.monotonic()))
            except errors.ServingError as error:
                # At random, so that many clients do not come back at once.
                pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
                pause = min(pause, LONGEST_PAUSE_SECONDS)
                pause *= random.uniform(0.5, 1.0)
                is_last = attempt >= self._max_attempts
                is_late = time.monotonic() + pause >= deadline
                if not error.is_temporary or is_last or is_late:
                    raise
                time.sleep(pause)

    def _predict_once(self, signature, inputs, timeout: float) -> dict:
        deadline = time.monotonic() + timeout
        try:
            return self._transport.predict(signature, inputs, timeout)
        except errors.ModelNotFound as error:
            left = max(0.001, deadline - time.monotonic())
            versions = self._transport.versions(left)
            if "AVAILABLE" in versions.values():
                raise
            states = ", ".join(f"{v} {state}" for v, state in versions.items())
            raise errors.VersionNotReady(
                "The model is there, but no version is ready. Received: "
                f"{states or 'no version'}"
            ) from error
