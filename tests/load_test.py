"""Load is counted, and ends."""

import os
import signal
import threading
import time
from unittest import mock

import numpy as np
import PIL.Image
import pytest

from mnist_sum_tf.serving import errors, load, thread_pools
from mnist_sum_tf.user_errors import UserError


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
    assert load.format_load(measured).endswith("\nfirst failure: too much")


def test_throughput_and_latency_by_hand():
    """A percentile p of 1 to 100 is 1 + 99 p / 100."""
    measured = load.Load(2.0, 100, 400, 3, np.arange(1.0, 101), None)
    assert load.format_load(measured).splitlines() == [
        "100 requests in 2.0 s, 3 failed",
        "throughput  50.0 requests/s, 200.0 images/s",
        "latency     p50 50.5  p90 90.1  p99 99.0  max 100.0 ms",
    ]


def test_of_all_failures_the_first_is_kept():
    tally = load._Tally()
    for reason in ("busy", "gone"):
        tally.count_failure(errors.ServerBusy(reason))
    counted = tally.over(1.0)
    assert (counted.num_failed, counted.first_failure) == (2, "busy")


@pytest.mark.parametrize("signature", ["serving_bytes", "serving_default"])
def test_a_request_is_filled_with_the_files_there_are(tmp_path, signature):
    paths = [str(tmp_path / f"{grey}.png") for grey in (9, 200)]
    for path, grey in zip(paths, (9, 200)):
        PIL.Image.new("L", (168, 40), grey).save(path)
    client = mock.Mock()
    assert load.repeatable_request(client, paths, signature, batch_size=3)() == 3
    (sent, inputs), _ = client.predict.call_args
    (value,) = inputs.values()
    assert sent == signature and len(value) == 3
    assert np.array_equal(value[0], value[2])
    assert not np.array_equal(value[0], value[1])


def test_a_server_that_is_down_is_asked_now_and_then():
    def ask():
        raise errors.ServerUnavailable("nobody there")

    measured = load.measure_load(ask, concurrency=2, seconds=0.3)
    # Each thread pauses a twentieth of a second.
    assert 2 <= measured.num_failed <= 14
    assert measured.num_requests == 0 and measured.first_failure == "nobody there"


def test_ctrl_c_ends_it_at_once():
    asked = []

    def ask():
        asked.append(time.monotonic())
        if len(asked) == 20:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        return 1

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        load.measure_load(ask, concurrency=2, seconds=60)
    assert time.monotonic() - start < 20
    time.sleep(0.1)
    count = len(asked)
    time.sleep(0.1)
    assert len(asked) == count  # The threads have ended.


def test_threads_that_start_do_not_wait_for_one_that_cannot(monkeypatch):
    class Pool(thread_pools.concurrent.futures.ThreadPoolExecutor):
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
    monkeypatch.setattr(thread_pools.concurrent.futures, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(load.threading, "Barrier", Barrier)
    with pytest.raises(UserError) as raised:
        load.measure_load(lambda: 1, concurrency=3, seconds=1)
    assert str(raised.value) == (
        "--concurrency must be a number of threads this machine can start. "
        "Received: 3 (can't start new thread)"
    )
    assert aborted == [True]
