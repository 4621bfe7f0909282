"""The client asks again where that helps, and no longer than it may."""

import numpy as np
import pytest
from fake_transports import Clock, FakeTransport

from mnist_sum_tf.serving import client as clients
from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.client import Client
from mnist_sum_tf.serving.version_status import VersionStatus

LOGITS = {"digit_logits": np.zeros((1, 4, 10), np.float32)}


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
