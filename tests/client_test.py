"""The client asks again where that helps, and takes no answer for another."""

import pathlib
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from fake_transports import Clock, FakeTransport, outputs_of

from mnist_sum_tf.serving import client as clients
from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.client import Client, Server, connect
from mnist_sum_tf.serving.version_status import VersionStatus

ROOT = pathlib.Path(__file__).parents[1]
LOGITS = {"digit_logits": np.zeros((1, 4, 10), np.float32)}
IMAGES = np.zeros((33, 40, 168, 1), np.uint8)  # One more than a request has.


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    clock.put_in(clients, monkeypatch)
    return clock


@pytest.mark.parametrize("error", [errors.ServerUnavailable, errors.ServerBusy])
def test_temporary_failures_are_repeated_ever_later(clock, error):
    transport = FakeTransport(*[error("not yet")] * 9)
    client = Client(transport, timeout_seconds=30)
    assert client.predict("decode", LOGITS)["sum"] == [1]
    assert len(transport.timeouts) == 10
    longest = (0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2, 2)
    for pause, limit in zip(clock.pauses, longest, strict=True):
        assert limit / 2 <= pause <= limit


@pytest.mark.parametrize(
    "error",
    [
        errors.RequestRefused,
        errors.MessageTooLarge,
        errors.DeadlineExceeded,
        errors.AccessRefused,
        errors.ServingError,
    ],
)
def test_other_failures_are_not_repeated(clock, error):
    transport = FakeTransport(error("reason"))
    with pytest.raises(error, match="reason"):
        Client(transport).predict("decode", LOGITS)
    assert len(transport.timeouts) == 1


def test_the_deadline_alone_ends_repeating(clock):
    transport = FakeTransport(*[errors.ServerBusy("busy")] * 999)
    with pytest.raises(errors.ServerBusy):
        Client(transport, timeout_seconds=30).predict("decode", LOGITS)
    assert 30 - clients.LONGEST_PAUSE_SECONDS <= clock.now < 30
    assert transport.timeouts == sorted(transport.timeouts, reverse=True)
    assert 30 == transport.timeouts[0] > transport.timeouts[-1] > 0


def test_one_that_gives_up_repeats_nothing(clock):
    transport = FakeTransport(*[errors.ServerBusy("busy")] * 999)
    client = Client(transport, timeout_seconds=30)
    client.give_up()
    with pytest.raises(errors.ServerBusy):
        client.predict("decode", LOGITS)
    assert len(transport.timeouts) == 1


def test_thousands_of_attempts(clock):
    transport = FakeTransport(*[errors.ServerBusy("busy")] * 9_999)
    with pytest.raises(errors.ServerBusy):
        Client(transport, timeout_seconds=5_000).predict("decode", LOGITS)
    assert 4_998 <= clock.now < 5_000


def test_a_number_of_attempts_ends_repeating(clock):
    transport = FakeTransport(*[errors.ServerBusy("busy")] * 9)
    with pytest.raises(errors.ServerBusy):
        Client(transport, max_attempts=3).predict("decode", LOGITS)
    assert len(transport.timeouts) == 3


def test_whoever_waits_is_told_once_why(clock):
    told = []
    transport = FakeTransport(*[errors.ServerBusy(str(i)) for i in range(9)])
    client = Client(transport, on_wait=lambda error: told.append(str(error)))
    client.predict("decode", LOGITS)
    assert told == ["2"]
    transport.failures = [errors.ServerBusy("a moment")] * 2
    client.predict("decode", LOGITS)
    assert told == ["2"]


def test_a_version_that_is_being_loaded_is_waited_for(clock):
    missing = errors.ModelNotFound("no model")
    versions = {3: VersionStatus("LOADING")}
    transport = FakeTransport(missing, missing, versions=versions)
    client = Client(transport)
    assert client.predict("decode", LOGITS)["sum"] == [1]
    transport.failures = [missing] * 999
    with pytest.raises(errors.VersionNotReady, match="Received: 3 LOADING$"):
        client.predict("decode", LOGITS)


BROKEN = VersionStatus("END", "no SavedModel\nin 2")


@pytest.mark.parametrize(
    "versions, received",
    [
        ({}, "no version"),
        ({3: VersionStatus("START")}, "3 START"),
        ({3: VersionStatus("UNKNOWN")}, "3 UNKNOWN"),
        (
            {3: VersionStatus("LOADING"), 2: BROKEN},
            "3 LOADING, 2 END (no SavedModel)",
        ),
    ],
)
def test_what_may_soon_be_there_is_waited_for(clock, versions, received):
    missing = errors.ModelNotFound("no model")
    transport = FakeTransport(*[missing] * 999, versions=versions)
    with pytest.raises(errors.VersionNotReady) as raised:
        Client(transport).predict("decode", LOGITS)
    assert str(raised.value) == (
        f"The model is there, but no version is ready. Received: {received}"
    )
    assert len(transport.timeouts) > 10


@pytest.mark.parametrize(
    "versions, received",
    [
        ({2: BROKEN}, "2 END (no SavedModel)"),
        (
            {2: BROKEN, 1: VersionStatus("UNLOADING")},
            "2 END (no SavedModel), 1 UNLOADING",
        ),
    ],
)
def test_what_did_not_load_is_not_waited_for(clock, versions, received):
    transport = FakeTransport(errors.ModelNotFound("no model"), versions=versions)
    with pytest.raises(errors.ModelNotFound) as raised:
        Client(transport).predict("decode", LOGITS)
    assert str(raised.value) == (
        "The model is there, but no version is ready or being loaded. "
        f"Received: {received}"
    )
    assert len(transport.timeouts) == 1


@pytest.mark.parametrize("other", [BROKEN, VersionStatus("LOADING")])
def test_the_servers_reason_is_kept_where_a_version_is_available(clock, other):
    versions = {2: other, 1: VersionStatus("AVAILABLE")}
    transport = FakeTransport(errors.ModelNotFound("no model"), versions=versions)
    with pytest.raises(errors.ModelNotFound, match="^no model$"):
        Client(transport).predict("decode", LOGITS)
    assert len(transport.timeouts) == 1


def test_the_question_for_versions_gets_the_time_that_is_left(clock):
    class Slow(FakeTransport):
        def predict(self, signature, inputs, timeout):
            clock.now += 20
            raise errors.ModelNotFound("no model")

        def versions(self, timeout):
            self.timeouts.append(timeout)
            return {3: VersionStatus("AVAILABLE")}

    transport = Slow()
    with pytest.raises(errors.ModelNotFound):
        Client(transport, timeout_seconds=30).predict("decode", LOGITS)
    assert transport.timeouts == [10]


@pytest.mark.parametrize("error", [errors.RequestRefused, errors.MessageTooLarge])
def test_only_the_bad_files_fail(error):
    class Reader(FakeTransport):
        def predict(self, signature, inputs, timeout):
            files = inputs["image_bytes"]
            self.timeouts.append(len(files))
            if b"bad" in list(files):
                raise error("bad file")
            return outputs_of([int(file) for file in files])

    transport = Reader()
    files = [str(i).encode() for i in range(16)]
    files[3] = files[12] = b"bad"
    rows = Client(transport).read_files(files)
    for i, row in enumerate(rows):
        if i in (3, 12):
            assert isinstance(row, error)
        else:
            assert row["most_likely_sum"] == i
    assert len(transport.timeouts) <= 2 * 2 * 4 + 1


def without(*names):
    return lambda outputs: {n: v for n, v in outputs.items() if n not in names}


def filled(name, value):
    return lambda outputs: {**outputs, name: np.full_like(outputs[name], value)}


def shaped(name, *shape, dtype=np.float32):
    return lambda outputs: {**outputs, name: np.zeros(shape, dtype)}


@pytest.mark.parametrize(
    "change, received",
    [
        (without("digits"), "no digits"),
        (without("digits", "sum_probabilities"), "no digits"),
        (lambda outputs: {}, "no digits"),
        (
            lambda outputs: {n: v[:-1] for n, v in outputs.items()},
            "digits of int32 [31, 4] for 32 images",
        ),
        (
            shaped("digits", 32, 3, dtype=np.int32),
            "digits of int32 [32, 3] for 32 images",
        ),
        (shaped("digits", 32, 4), "digits of float32 [32, 4] for 32 images"),
        (
            shaped("sum_probabilities", 32, 36),
            "sum_probabilities of float32 [32, 36] for 32 images",
        ),
        (shaped("sum"), "sum of float32 [] for 32 images"),
        (
            shaped("most_likely_sum", 32, dtype=object),
            "most_likely_sum of object [32] for 32 images",
        ),
        (filled("digits", 10), "digits beyond 0 to 9"),
        (filled("most_likely_sum", 37), "most_likely_sum beyond 0 to 36"),
        (filled("most_likely_sum", -1), "most_likely_sum beyond 0 to 36"),
        (filled("sum_probabilities", np.nan), "sum_probabilities beyond 0 to 1"),
    ],
)
def test_an_answer_that_is_none_is_not_read(change, received):
    client = Client(FakeTransport(change=change))
    for read, images in (
        (client.read_images, IMAGES),
        (client.read_files, [b"file"] * 32),
    ):
        with pytest.raises(errors.ServingError) as raised:
            read(images)
        assert str(raised.value) == (
            f"http://fake: expected a model server's answer. Received: {received}"
        )


def test_an_answer_may_have_more_and_less_than_what_is_needed():
    change = without("sum", "digit_probabilities")
    client = Client(
        FakeTransport(change=lambda outputs: {**change(outputs), "more": LOGITS})
    )
    answer = client.read_images(IMAGES)
    assert list(answer) == ["digits", "sum_probabilities", "most_likely_sum"]
    assert (answer["most_likely_sum"] == [7] * 33).all()


def test_an_output_that_only_some_requests_answer_is_left_out():
    changes = [without(), without("sum")]
    client = Client(FakeTransport(change=lambda outputs: changes.pop(0)(outputs)))
    assert "sum" not in client.read_images(IMAGES)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_there(scheme):
    client = connect(Server(f"{scheme}://localhost:1"), timeout_seconds=0.5)
    with pytest.raises(errors.ServerUnavailable) as raised:
        client.predict("decode", LOGITS)
    message = str(raised.value)
    assert f"{scheme}://localhost:1: expected a model server there" in message
    assert "\n" not in message


WITHOUT_GRPC = """
import sys

for package in ("grpc", "tensorflow", "tensorflow_serving"):
    sys.modules[package] = None
from mnist_sum_tf.serving.client import Server, connect
connect(Server("http://localhost:1")).close()
try:
    connect(Server("grpc://localhost:1"))
except ValueError as error:
    print(error)
"""


def test_rest_needs_no_package_for_grpc():
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_GRPC],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (result.returncode, result.stderr) == (0, "")
    start = "The package tensorflow_serving is needed here: pip install -e "
    assert result.stdout.startswith(f"{start}'.[serving]'. Received: ")
