"""Many image files, read by a model server."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from mnist_sum_tf.data.picture_headers import read_picture
from mnist_sum_tf.data.pictures import canvas_with_ink
from mnist_sum_tf.prediction import Reading
from mnist_sum_tf.serving.client import BATCH_SIZE, Client
from mnist_sum_tf.serving.errors import ServingError
from mnist_sum_tf.serving.thread_pools import thread_pool
from mnist_sum_tf.user_errors import UserError

# Bytes of one request: photographs are few at a time, drawings many.
BATCH_BYTES = 16_000_000


class Failure(NamedTuple):
    """An image that could not be read, and why, in one line."""

    path: str
    reason: str


def query_files(
    client: Client,
    paths: Iterable[str],
    signature: str,
    concurrency: int = 1,
    on_progress: Callable[[int], None] = lambda num_images: None,
) -> Iterator:
    """Reads image files, some requests at the same time.

    Args:
        client: see `connect`.
        paths: of image files of any size.
        signature: `"serving_bytes"` sends the files; `"serving_default"` sends
            canvases, made of the files here.
        concurrency: how many requests are on their way at a time.
        on_progress: called with the number of images just read.

    Yields:
        A `Reading` or a `Failure` for each path, in their order.

    Raises:
        ServingError: if the server does not answer; what was read of the paths
            before has been yielded then, and the client gives up (`give_up`), as
            it does where the caller stops early.
    """
    ask = _until_failed(
        {"serving_bytes": _ask_bytes, "serving_default": _ask_canvases}[signature]
    )
    with thread_pool(concurrency) as pool:
        batches = _batches(paths)
        # Files are read lazily: only one batch is queued ahead of the threads.
        waiting = [
            pool.submit(ask, client, batch)
            for batch in itertools.islice(batches, concurrency + 1)
        ]
        try:
            while waiting:
                answers = waiting.pop(0).result()
                on_progress(len(answers))
                yield from answers
                for batch in itertools.islice(batches, 1):
                    waiting.append(pool.submit(ask, client, batch))
        except BaseException:
            client.give_up()  # Else waiting requests would be retried.
            raise


def _until_failed(ask: Callable) -> Callable:
    """Wraps `ask` so that, once a batch got no answer, the others fail at once.

    Otherwise every free thread would wait for another full timeout.
    """
    failures = []

    def ask_or_fail(client, batch):
        if failures:
            raise failures[0]
        try:
            return ask(client, batch)
        except ServingError as error:
            failures.append(error)
            raise

    return ask_or_fail


def _batches(paths: Iterable[str]) -> Iterator[list]:
    """Lists of (path, bytes or `Failure`), as many as one request holds."""
    batch, num_bytes = [], 0
    for path in paths:
        try:
            content = read_picture(path)
        except UserError as error:
            content = Failure(path, str(error))
        size = 0 if isinstance(content, Failure) else len(content)
        if batch and (len(batch) == BATCH_SIZE or num_bytes + size > BATCH_BYTES):
            yield batch
            batch, num_bytes = [], 0
        batch.append((path, content))
        num_bytes += size
    if batch:
        yield batch


def _ask_bytes(client: Client, batch: list) -> list:
    files = [(p, f) for p, f in batch if not isinstance(f, Failure)]
    rows = client.read_files([file for _, file in files]) if files else []
    answers = [
        Failure(path, f"{path}: {row}")
        if isinstance(row, ServingError)
        else Reading.of_answer(path, row)
        for (path, _), row in zip(files, rows)
    ]
    return _in_order(batch, answers)


def _ask_canvases(client: Client, batch: list) -> list:
    canvases = []
    for i, (path, file) in enumerate(batch):
        if isinstance(file, Failure):
            continue
        try:
            canvases.append(canvas_with_ink(path, file))
        except UserError as error:
            batch[i] = path, Failure(path, str(error))
    rows = []
    if canvases:
        answer = client.read_images(np.stack(canvases))
        rows = [dict(zip(answer, row)) for row in zip(*answer.values())]
    paths = [p for p, file in batch if not isinstance(file, Failure)]
    return _in_order(batch, list(map(Reading.of_answer, paths, rows)))


def _in_order(batch: list, answers: list) -> list:
    """Puts failures and answers into the batch's order."""
    remaining = iter(answers)
    return [
        content if isinstance(content, Failure) else next(remaining)
        for _, content in batch
    ]
