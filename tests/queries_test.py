"""Files are read a few batches at a time, until there is no answer."""

from unittest import mock

import pytest
from fake_transports import FakeTransport

from mnist_sum_tf.serving import errors, queries
from mnist_sum_tf.serving.client import BATCH_SIZE, Client

PATHS = [f"{number}.png" for number in range(5 * BATCH_SIZE)]


@pytest.fixture
def read(monkeypatch):
    """The paths that were read so far."""
    paths = []
    monkeypatch.setattr(
        queries, "read_picture", lambda path: paths.append(path) or b"file"
    )
    return paths


@pytest.mark.parametrize("concurrency", [1, 2])
def test_memory_holds_one_batch_more_than_is_on_its_way(read, concurrency):
    answers = queries.query_files(
        Client(FakeTransport()), PATHS, "serving_bytes", concurrency
    )
    assert next(answers) == ("0.png", (0, 0, 0, 0), 7, 1.0)
    # A batch ends where the next begins.
    assert len(read) == (concurrency + 1) * BATCH_SIZE + 1
    answers.close()


def test_what_was_read_before_a_failure_is_yielded(read):
    class Late(FakeTransport):
        def predict(self, signature, inputs, timeout):
            if len(self.timeouts) == 2:
                raise errors.DeadlineExceeded("late")
            return super().predict(signature, inputs, timeout)

    answers, progress = [], []
    with pytest.raises(errors.DeadlineExceeded, match="late"):
        for answer in queries.query_files(
            Client(Late()), PATHS, "serving_bytes", 1, progress.append
        ):
            answers.append(answer)
    assert [answer.path for answer in answers] == PATHS[: 2 * BATCH_SIZE]
    assert progress == [BATCH_SIZE, BATCH_SIZE]


@pytest.mark.parametrize("signature", ["serving_bytes", "serving_default"])
def test_after_a_failure_nothing_more_is_asked(read, monkeypatch, signature):
    class Nobody(FakeTransport):
        def predict(self, signature, inputs, timeout):
            self.timeouts.append(timeout)
            raise errors.DeadlineExceeded("late")

    canvas = queries.np.zeros((40, 168, 1), "uint8")
    monkeypatch.setattr(queries, "canvas_with_ink", lambda path, file: canvas)
    transport = Nobody()
    with pytest.raises(errors.DeadlineExceeded, match="late"):
        list(queries.query_files(Client(transport), PATHS, signature))
    assert len(transport.timeouts) == 1


@pytest.mark.parametrize("signature", ["serving_bytes", "serving_default"])
def test_fewer_rows_than_files(read, monkeypatch, signature):
    transport = FakeTransport(
        change=lambda outputs: {n: value[:-1] for n, value in outputs.items()}
    )
    canvas = queries.np.zeros((40, 168, 1), "uint8")
    monkeypatch.setattr(queries, "canvas_with_ink", lambda path, file: canvas)
    with pytest.raises(errors.ServingError) as raised:
        list(queries.query_files(Client(transport), PATHS[:2], signature))
    assert str(raised.value) == (
        "http://fake: expected a model server's answer. "
        "Received: digits of int32 [1, 4] for 2 images"
    )


def test_who_waits_is_told_when_nobody_wants_the_answers(read, monkeypatch):
    """As after Ctrl-C: the pool would wait for its threads, they for a server."""
    client = Client(FakeTransport(*[errors.ServerBusy("busy")] * 9), timeout_seconds=60)
    given_up = []
    monkeypatch.setattr(client, "give_up", lambda: given_up.append(True))
    monkeypatch.setattr(client, "read_files", mock.Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        list(queries.query_files(client, PATHS[:1], "serving_bytes"))
    assert given_up == [True]


def test_bytes_bound_a_request(monkeypatch):
    """Two files of six bytes are more than ten, two of five are not."""
    monkeypatch.setattr(queries, "BATCH_BYTES", 10)
    for size, expected in ((6, [1, 1, 1]), (5, [2, 1])):
        monkeypatch.setattr(queries, "read_picture", lambda path: size * b"x")
        assert [len(batch) for batch in queries._batches(PATHS[:3])] == expected


def test_a_failure_is_that_of_all_batches_after_it():
    ask = mock.Mock(side_effect=errors.DeadlineExceeded("late"))
    wrapped = queries._until_failed(ask)
    for _ in range(2):
        with pytest.raises(errors.DeadlineExceeded, match="late"):
            wrapped(None, [])
    ask.assert_called_once_with(None, [])
