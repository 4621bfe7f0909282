"""Asks a model server to read images.

The server reads pictures with the preprocessing that is part of the model, so it
answers as `scripts/predict.py` does; but it reads digits in one without ink, too,
unless the client makes the canvases (`serving_default`).
"""

import itertools
import math
import random
import threading
import time
from collections.abc import Callable

import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.runtimes.packages import import_package
from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.addresses import (
    ENCRYPTED,
    Server,
    check_token,
    read_certificates,
    split_address,
)
from mnist_sum_tf.serving.answer_checks import READING_SIGNATURES, checked_answer
from mnist_sum_tf.serving.image_bytes import as_image_bytes
from mnist_sum_tf.serving.rest_transport import RestTransport
from mnist_sum_tf.serving.version_status import AVAILABLE, PENDING, VersionStatus
from mnist_sum_tf.user_errors import UserError

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
# Failed attempts after which the user is told why nothing happens.
ATTEMPTS_UNTIL_TOLD = 3
# Images in one request: a large one delays the others.
BATCH_SIZE = 32


def connect(
    server: Server,
    *,
    timeout_seconds: float = 30.0,
    on_wait: Callable[[errors.ServingError], None] = lambda error: None,
    max_attempts: int | None = None,
) -> "Client":
    """A client of a server; nothing is sent yet.

    Args:
        server: where.
        timeout_seconds, on_wait, max_attempts: see `Client`.

    Raises:
        UserError: if the address or the certificates are invalid, a token would be
            sent unencrypted, or the package for gRPC is not installed.
    """
    url = split_address(server.url)
    check_token(server.token, url)
    certificates = read_certificates(server.ca_certificates)
    if url.scheme in ("http", "https"):
        transport = RestTransport(
            server.url,
            server.model,
            server.version,
            server.ca_certificates,
            server.token,
        )
    else:
        import_package("tensorflow_serving", extra="serving")
        # Imported late: REST does without that package.
        from mnist_sum_tf.serving.grpc_transport import GrpcTransport

        transport = GrpcTransport(
            url.netloc,
            server.model,
            server.version,
            url.scheme in ENCRYPTED,
            certificates,
            server.token,
        )
    return Client(transport, timeout_seconds, on_wait, max_attempts)


class Client:
    """Sends requests to a server, with retries until an overall deadline.

    Args:
        transport: a `RestTransport` or a `GrpcTransport`.
        timeout_seconds: for each request, retries and pauses included. By
            REST, headers that trickle in are not bounded by it, and a body that
            stops coming may take as long again.
        on_wait: called, in the requesting thread, with the error of a request
            that is still being retried after the first few attempts.
        max_attempts: most times that a request is sent; as often as there is
            time for where `None`.
    """

    def __init__(
        self,
        transport,
        timeout_seconds: float = 30.0,
        on_wait: Callable[[errors.ServingError], None] = lambda error: None,
        max_attempts: int | None = None,
    ):
        self._transport = transport
        self._timeout = timeout_seconds
        self._on_wait = on_wait
        self._max_attempts = max_attempts or math.inf
        self._is_given_up = threading.Event()

    def predict(self, signature: str, inputs: dict) -> dict[str, np.ndarray]:
        """Runs one of the model's signatures.

        Args:
            signature: its name.
            inputs: an array for each input; bytes as an array of objects.

        Returns:
            An array for each output.

        Raises:
            ServingError: one of those in `errors`; also if the outputs of
                `serving_default` or `serving_bytes` are not those promised, as
                many rows as there are inputs.
        """
        return self._repeated(lambda left: self._predict_once(signature, inputs, left))

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
        if images.dtype != np.uint8 or images.shape[1:] != config.IMAGE_SHAPE:
            raise UserError(
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
            if all(name in answer for answer in answers)
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

    def versions(self) -> dict[int, VersionStatus]:
        """The versions of the model that the server knows, with their status."""
        return self._repeated(self._transport.versions)

    def signatures(self) -> dict:
        """The model's signatures, as `SignatureDef`s in JSON."""
        return self._repeated(self._transport.signatures)

    def give_up(self) -> None:
        """Stops all retries; requests that wait to retry, in any thread, fail."""
        self._is_given_up.set()

    def close(self) -> None:
        self._transport.close()

    def _repeated(self, ask: Callable):
        """Retries until there is an answer, a permanent error, or no time left.

        Args:
            ask: takes the seconds that are left. It only reads, so it may be
                called again even if the server got the request before.
        """
        deadline = time.monotonic() + self._timeout
        longest_pause = FIRST_PAUSE_SECONDS
        for attempt in itertools.count(1):
            try:
                return ask(max(0.001, deadline - time.monotonic()))
            except errors.ServingError as error:
                # Random jitter, so that many clients do not retry at once.
                pause = longest_pause * random.uniform(0.5, 1.0)
                longest_pause = min(2 * longest_pause, LONGEST_PAUSE_SECONDS)
                is_last = attempt >= self._max_attempts
                is_late = time.monotonic() + pause >= deadline
                if not error.is_temporary or is_last or is_late:
                    raise
                if attempt == ATTEMPTS_UNTIL_TOLD:
                    self._on_wait(error)
                if self._is_given_up.wait(pause):
                    raise

    def _predict_once(self, signature, inputs, timeout: float) -> dict:
        deadline = time.monotonic() + timeout
        try:
            outputs = self._transport.predict(signature, inputs, timeout)
        except errors.ModelNotFound as error:
            left = max(0.001, deadline - time.monotonic())
            versions = self._transport.versions(left)
            states = {status.state for status in versions.values()}
            if AVAILABLE in states:
                raise
            is_pending = not states or not states.isdisjoint(PENDING)
            raise _none_ready(versions, is_pending) from error
        if signature not in READING_SIGNATURES:
            return outputs
        num_images = max(map(len, inputs.values()), default=0)
        return checked_answer(self._transport.address, outputs, num_images)


def _none_ready(versions: dict, is_pending: bool) -> errors.ServingError:
    """The error for a model of which no version is ready, now or ever."""
    known = [f"{number} {status}" for number, status in versions.items()]
    received = f"Received: {', '.join(known) or 'no version'}"
    if is_pending:
        return errors.VersionNotReady(
            f"The model is there, but no version is ready. {received}"
        )
    return errors.ModelNotFound(
        f"The model is there, but no version is ready or being loaded. {received}"
    )
