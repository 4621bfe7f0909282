"""How fast a model server is: the same request again and again."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mnist_sum_tf.data.picture_headers import read_picture
from mnist_sum_tf.data.pictures import canvas_of
from mnist_sum_tf.serving.client import Client
from mnist_sum_tf.serving.errors import ServingError
from mnist_sum_tf.serving.image_bytes import as_image_bytes
from mnist_sum_tf.serving.thread_pools import thread_pool
from mnist_sum_tf.user_errors import UserError

PERCENTILES = (50, 90, 99)
# Pause after a failed request, which fails at once if nobody listens.
PAUSE_SECONDS = 0.05


class Load(NamedTuple):
    """Results of a load test.

    Attributes:
        seconds: how long it was asked.
        num_requests, num_images: answered in that time.
        num_failed: requests without an answer.
        milliseconds: float `[num_requests]`, until each answer.
        first_failure: the first failed request's message, or `None`.
    """

    seconds: float
    num_requests: int
    num_images: int
    num_failed: int
    milliseconds: np.ndarray
    first_failure: str | None


def repeatable_request(
    client: Client, paths: list[str], signature: str, batch_size: int
) -> Callable[[], int]:
    """A function that sends one request and returns the images answered.

    Args:
        client: see `connect`.
        paths: of image files; as often as needed to fill the request.
        signature: see `query_files`.
        batch_size: images in the request.

    Raises:
        UserError: if a file cannot be read.
    """
    files = {path: read_picture(path) for path in paths[:batch_size]}
    paths = (paths * batch_size)[:batch_size]
    if signature == "serving_bytes":
        inputs = {"image_bytes": as_image_bytes([files[path] for path in paths])}
    else:
        canvases = [canvas_of(path, files[path]) for path in paths]
        inputs = {"images": np.stack(canvases)}

    def ask():
        client.predict(signature, inputs)
        return batch_size

    return ask


def measure_load(ask: Callable[[], int], concurrency: int, seconds: float) -> Load:
    """Asks again and again, `concurrency` requests at a time.

    Args:
        ask: sends one request and returns the number of images answered.
        concurrency: how many threads ask, each as soon as it has an answer.
        seconds: for how long new requests are sent.

    Raises:
        UserError: if there cannot be as many threads.
    """
    tally, stopped = _Tally(), threading.Event()
    everybody = threading.Barrier(concurrency)

    def keep_asking():
        everybody.wait()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not stopped.is_set():
            start = time.monotonic()
            try:
                count = ask()
            except ServingError as error:
                tally.count_failure(error)
                stopped.wait(PAUSE_SECONDS)
            else:
                tally.count_answer(count, 1000 * (time.monotonic() - start))

    start = time.monotonic()
    try:
        _run_threads(keep_asking, concurrency, everybody)
    finally:
        stopped.set()  # By Ctrl-C, too.
    return tally.over(time.monotonic() - start)


class _Tally:
    """Counts the answers and failures of many threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._milliseconds = []
        self._num_images = self._num_failed = 0
        self._first_failure = None

    def count_answer(self, num_images: int, milliseconds: float) -> None:
        with self._lock:
            self._milliseconds.append(milliseconds)
            self._num_images += num_images

    def count_failure(self, error: ServingError) -> None:
        with self._lock:
            self._num_failed += 1
            self._first_failure = self._first_failure or str(error)

    def over(self, seconds: float) -> Load:
        return Load(
            seconds,
            len(self._milliseconds),
            self._num_images,
            self._num_failed,
            np.array(self._milliseconds),
            self._first_failure,
        )


def _run_threads(run: Callable, count: int, everybody: threading.Barrier) -> None:
    """Runs a function, which waits at the barrier first, in `count` threads."""
    with thread_pool(count) as pool:
        try:
            threads = [pool.submit(run) for _ in range(count)]
        except RuntimeError as error:
            everybody.abort()  # Those that did start would wait for ever.
            raise UserError(
                "--concurrency must be a number of threads this machine can start. "
                f"Received: {count} ({error})"
            ) from error
        for thread in threads:
            thread.result()


def format_load(load: Load) -> str:
    """Throughput and latency, a line each."""
    lines = [
        f"{load.num_requests} requests in {load.seconds:.1f} s, "
        f"{load.num_failed} failed",
        f"throughput  {load.num_requests / load.seconds:.1f} requests/s, "
        f"{load.num_images / load.seconds:.1f} images/s",
    ]
    if load.num_requests:
        shares = np.percentile(load.milliseconds, PERCENTILES)
        parts = [f"p{p} {ms:.1f}" for p, ms in zip(PERCENTILES, shares)]
        parts.append(f"max {load.milliseconds.max():.1f}")
        lines.append("latency     " + "  ".join(parts) + " ms")
    if load.first_failure:
        lines.append(f"first failure: {load.first_failure}")
    return "\n".join(lines)
