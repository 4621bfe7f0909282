"""In place of a server: a transport that does as it is told, and a clock."""

import numpy as np

from mnist_sum_tf.runtimes.outputs import OUTPUTS


class FakeTransport:
    """Fails as it is told, then answers.

    Args:
        *failures: raised one after the other.
        versions: number -> `VersionStatus`.
        change: takes the outputs of images, and returns what is answered.
    """

    address = "http://fake"

    def __init__(self, *failures, versions=None, change=lambda outputs: outputs):
        self.failures = list(failures)
        self.statuses = versions or {}
        self.timeouts = []
        self.change = change
        self.is_closed = False

    def predict(self, signature, inputs, timeout):
        self.timeouts.append(timeout)
        if self.failures:
            raise self.failures.pop(0)
        (value,) = inputs.values()
        if signature == "decode":
            return {"sum": np.array([len(inputs)])}
        return self.change(outputs_of([7] * len(value)))

    def versions(self, timeout):
        return self.statuses

    def close(self):
        self.is_closed = True


class Clock:
    """Modules `time` and `threading` in which only pauses take time."""

    def __init__(self):
        self.now = 0.0
        self.pauses = []
        self.is_given_up = False

    def put_in(self, module, monkeypatch) -> None:
        for name in ("time", "threading"):
            monkeypatch.setattr(module, name, self)

    def Event(self):  # noqa: N802, as `threading` names it
        return self

    def set(self):
        self.is_given_up = True

    def wait(self, seconds):
        self.sleep(seconds)
        return self.is_given_up

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


def outputs_of(sums: list[int]) -> dict[str, np.ndarray]:
    """What a model that is sure of each of these sums answers."""
    outputs = {
        name: np.zeros((len(sums), *output.shape), output.dtype)
        for name, output in OUTPUTS.items()
    }
    outputs["most_likely_sum"][:] = sums
    outputs["sum_probabilities"][np.arange(len(sums)), sums] = 1
    return outputs
