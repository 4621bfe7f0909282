"""The client takes no answer for another."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from fake_transports import FakeTransport, outputs_of

from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.client import Client, Server, connect

ROOT = pathlib.Path(__file__).parents[1]
LOGITS = {"digit_logits": np.zeros((1, 4, 10), np.float32)}
IMAGES = np.zeros((33, 40, 168, 1), np.uint8)  # One more than a request has.


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
