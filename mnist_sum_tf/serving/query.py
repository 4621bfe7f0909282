"""Queries a model server for readings, its status or its throughput."""

import contextlib
import dataclasses
import sys
import threading
from collections.abc import Callable

import tqdm

from mnist_sum_tf import prediction_results
from mnist_sum_tf.prediction import find_images
from mnist_sum_tf.progress import progress_bar
from mnist_sum_tf.serving import load, queries
from mnist_sum_tf.serving.addresses import MODEL_NAME, Server, read_token
from mnist_sum_tf.serving.client import Client, connect
from mnist_sum_tf.serving.errors import ServingError
from mnist_sum_tf.serving.version_status import AVAILABLE
from mnist_sum_tf.user_errors import one_line


@dataclasses.dataclass(frozen=True)
class QueryConfig:
    """What to request, and from which server.

    Attributes:
        server: its address, see `addresses.split_address`.
        model: the model's name there.
        version: of the model; the newest where `None`.
        signature: see `queries.query_files`.
        as_json: whether readings are printed as JSON.
        shows_status: whether versions and signatures are printed instead.
        timeout_seconds: for each request, including its retries.
        concurrency: requests at a time.
        load_seconds: duration of a load test, which repeats the same images,
            and prints throughput and latency; none where `None`.
        load_batch_size: images in each request under load.
        ca_certificates: a PEM file of trusted certificate authorities.
        token_file: a file with a bearer token; the environment's where `None`.
    """

    server: str
    model: str = MODEL_NAME
    version: int | None = None
    signature: str = "serving_bytes"
    as_json: bool = False
    shows_status: bool = False
    timeout_seconds: float = 30.0
    concurrency: int = 1
    load_seconds: float | None = None
    load_batch_size: int = 1
    ca_certificates: str | None = None
    token_file: str | None = None


def query_and_report(paths: list[str], settings: QueryConfig) -> bool:
    """Asks a server, and prints its answers; what failed, on standard error.

    Args:
        paths: of image files and folders of them; none are needed for the status.
        settings: what to ask.

    Returns:
        Whether nothing failed.

    Raises:
        UserError: for settings or images that cannot be used.
        ServingError: where the server does not answer at all.
    """
    with contextlib.closing(_connect(settings)) as client:
        if settings.shows_status:
            return _print_status(client)
        if settings.load_seconds is not None:
            measured = _measure(client, find_images(paths), settings)
            print(load.format_load(measured))
            return not measured.num_failed
        return _print_readings(client, paths, settings)


def _connect(settings: QueryConfig) -> Client:
    server = Server(
        settings.server,
        settings.model,
        settings.version,
        settings.ca_certificates,
        read_token(settings.token_file),
    )
    # Under load a request that fails counts, and is not sent again.
    max_attempts = None if settings.load_seconds is None else 1
    return connect(
        server,
        timeout_seconds=settings.timeout_seconds,
        on_wait=_tell_once(),
        max_attempts=max_attempts,
    )


def _tell_once() -> Callable[[Exception], None]:
    """A thread-safe function that says once why the client is waiting."""
    may_tell = threading.Lock()

    def tell(error):
        if may_tell.acquire(blocking=False):
            # Not across a progress bar.
            line = f"waiting for the server: {one_line(str(error))}"
            tqdm.tqdm.write(line, file=sys.stderr)

    return tell


def _print_status(client: Client) -> bool:
    """Prints a line for each version of the model, and for each of its signatures.

    Returns whether a version is available; else there are no signatures.
    """
    versions = client.versions()
    for version, status in sorted(versions.items()):
        print(one_line(f"version {version}   {status}"))
    if AVAILABLE not in {status.state for status in versions.values()}:
        return False
    for name, signature in sorted(client.signatures().items()):
        inputs, outputs = (
            ", ".join(sorted(signature[key])) or "nothing"
            for key in ("inputs", "outputs")
        )
        print(f"{name}   {inputs} -> {outputs}")
    return True


def _measure(client: Client, paths: list[str], settings: QueryConfig) -> load.Load:
    ask = load.repeatable_request(
        client, paths, settings.signature, settings.load_batch_size
    )
    ask()  # A warm-up: the first request is slower.
    return load.measure_load(ask, settings.concurrency, settings.load_seconds)


def _print_readings(client: Client, paths: list[str], settings: QueryConfig) -> bool:
    missing = []
    answers, ends = _ask(client, find_images(paths, missing.append), settings)
    failures = [a.reason for a in answers if isinstance(a, queries.Failure)]
    readings = [a for a in answers if not isinstance(a, queries.Failure)]
    errors = [*missing, *failures, *ends]
    prediction_results.print_readings(readings, errors, settings.as_json)
    return not errors


def _ask(client: Client, paths: list[str], settings: QueryConfig) -> tuple[list, list]:
    """What was read, and the error that ended it, if one did."""
    answers = []
    with progress_bar(
        total=len(paths), unit="image", disable=len(paths) < 2, leave=False
    ) as bar:
        try:
            for answer in queries.query_files(
                client, paths, settings.signature, settings.concurrency, bar.update
            ):
                answers.append(answer)
        except ServingError as error:
            return answers, [error]
    return answers, []
