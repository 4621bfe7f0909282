"""Load is counted, and ends."""

import threading
import time

import pytest

pytest.importorskip("tensorflow_serving")
pytest.importorskip("requests")

from mnist_sum_tf.config import UserError
from mnist_sum_tf.serving import errors, load


def test_load_counts_answers_and_failures():
    lock, number = threading.Lock(), iter(range(10**9))

    def ask():
        with lock:
            is_failed = next(number) % 3 == 0
        time.sleep(0.002)
        if is_failed:
            raise errors.ServerBusy("too much")
        return 4

    measured = load.measure_load(ask, concurrency=4, seconds=0.4)
    assert measured.num_images == 4 * measured.num_requests
    assert len(measured.milliseconds) == measured.num_requests > 10
    half = measured.num_requests / 2
    assert measured.num_failed == pytest.approx(half, abs=4)
    assert measured.milliseconds.min() >= 2
    text = load.format_load(measured)
    assert "p50 " in text and "requests/s" in text and "too much" in text


def test_threads_that_start_do_not_wait_for_one_that_cannot(monkeypatch):
    class Pool(load.concurrent.futures.ThreadPoolExecutor):
        def submit(self, function):
            if len(self._threads) == 2:
                raise RuntimeError("can't start new thread")
            return super().submit(function)

    class Barrier(threading.Barrier):
        def __init__(self, parties):
            super().__init__(parties, timeout=10)  # Seconds, where they do wait.

        def abort(self):
            aborted.append(True)
            super().abort()

    aborted = []
    monkeypatch.setattr(load.concurrent.futures, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(load.threading, "Barrier", Barrier)
    with pytest.raises(UserError) as raised:
        load.measure_load(lambda: 1, concurrency=3, seconds=1)
    assert str(raised.value) == (
        "--concurrency must be as many threads as this machine starts. "
        "Received: 3 (can't start new thread)"
    )
    assert aborted == [True]
