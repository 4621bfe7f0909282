"""The benchmark's arithmetic, on times made by hand."""

import itertools
import logging
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.benchmarks import (
    arithmetic,
    contenders,
    pipeline,
    timing,
    torch_training,
    trainers,
    training,
)
from mnist_sum_tf.benchmarks.timing import Measurement, TimingBudget
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving import export
from mnist_sum_tf.serving.formats import onnx_file
from mnist_sum_tf.user_errors import UserError


class Clock:
    """Moves on only when told to."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds

    def takes(self, seconds, log=None, name=None):
        def work():
            self.seconds += seconds
            if log is not None:
                log.append(name)

        return work


def test_functions_take_turns_and_each_round_begins_with_the_next():
    clock, log = Clock(), []
    runs = {name: clock.takes(1, log, name) for name in "abc"}
    budget = TimingBudget(max_rounds=4, warming_calls=2)
    timing.time_side_by_side(runs, budget, clock=clock)
    rounds = ["abc", "bca", "cab", "abc"]
    assert "".join(log) == "abcabc" + "".join(rounds)


def test_each_has_its_own_seconds():
    clock = Clock()
    runs = {"slow": clock.takes(2), "fast": clock.takes(0.5)}
    seconds = timing.time_side_by_side(runs, TimingBudget(3), clock=clock)
    np.testing.assert_array_equal(seconds["slow"], [2, 2, 2])
    np.testing.assert_array_equal(seconds["fast"], [0.5, 0.5, 0.5])


@pytest.mark.parametrize(
    ("budget", "rounds"),
    [
        (TimingBudget(100, max_seconds=9, min_rounds=1), 3),  # 0-4, 4-8, 8-12
        (TimingBudget(100, max_seconds=0, min_rounds=5), 5),
        (TimingBudget(2, max_seconds=99, min_rounds=1), 2),
    ],
)
def test_a_budget_ends(budget, rounds):
    clock = Clock()
    seconds = timing.time_side_by_side({"a": clock.takes(4)}, budget, clock=clock)
    assert len(seconds["a"]) == rounds


def test_median_and_quartiles():
    found = timing.describe("g", "n", "ms", [5, 1, 2, 4, 3])
    assert found == Measurement("g", "n", "ms", 3, 2, 4, 5, None)


def test_rates_and_ratios_are_of_the_same_round():
    """The second round is slow for both: the ratio stays."""
    seconds = {"ours": np.array([1, 10, 2]), "theirs": np.array([2, 20, 5])}
    ours, theirs = timing.rates("g", "images/s", seconds, 20, "theirs")
    assert (ours.median, ours.lower, ours.upper) == (10, 6, 15)
    assert (ours.ratio, theirs.ratio) == (2, 1)  # of 2, 2 and 2.5
    assert theirs.median == 4
    assert timing.rates("g", "u", seconds, 20)[0].ratio is None


def test_amounts_may_differ():
    seconds = {"a": np.array([2.0]), "b": np.array([4.0])}
    a, b = timing.rates("g", "u", seconds, {"a": 2, "b": 12})
    assert (a.median, b.median) == (1, 3)


def test_half_the_time_is_a_ratio_of_two():
    seconds = {"base": np.array([0.004]), "fast": np.array([0.002])}
    base, fast = timing.latencies("g", seconds, "base")
    assert (base.median, base.ratio) == (4, 1)
    assert (fast.median, fast.ratio, fast.unit) == (2, 2, "ms")


def test_operations_of_a_small_net_by_hand():
    layers = keras.layers
    net = keras.Sequential(
        [
            keras.Input((4, 6, 1)),
            layers.Conv2D(2, 3, padding="same"),  # 4x6 places, 9 by 2
            layers.MaxPooling2D(2),  # to 2x3
            layers.Conv2D(5, 3, padding="same"),  # 2x3 places, 18 by 5
            layers.Flatten(),
            layers.Dense(7),  # 30 by 7
        ]
    )
    first, second, dense = 2 * 24 * 18, 2 * 6 * 90, 2 * 210
    answer, step = arithmetic.flop_per_image(net)
    assert answer == first + second + dense == 2364
    assert step == 2 * first + 3 * (second + dense) == 6228


def test_operations_of_the_encoder():
    """Four times the channels are sixteen times the work, but for the ends."""
    compact, _ = arithmetic.flop_per_image(build_encoder(16))
    original, _ = arithmetic.flop_per_image(build_encoder(64))
    by_hand = 2 * (
        9 * 6720 * (16 + 16 * 16)
        + 9 * 1680 * (16 * 32 + 32 * 32)
        + 9 * 420 * (32 * 64 + 64 * 64)
        + 9 * 105 * (64 * 128 + 128 * 128)
        + 9 * 20 * (128 * 256 + 256 * 256)
        + 1280 * 512
        + 512 * 40
    )
    assert compact == by_hand
    assert 15.5 < original / compact < 16


def test_shares_of_the_peak():
    amounts = {"peak": 8e9, "step": 3e9}
    seconds = {"peak": np.array([2.0, 4.0]), "step": np.array([1.0, 2.0])}
    peak, step = arithmetic.shares_of_peak("g", amounts, seconds, "peak")
    assert (peak.median, peak.ratio) == (3, 1)  # of 4 and 2 GFLOP/s
    assert (step.median, step.ratio) == (2.25, 0.75)


def test_waiting_is_what_next_takes():
    clock = Clock()

    def batches():
        for number in itertools.count():
            # Slow at first, then a quarter of a second each.
            clock.seconds += 50 if number < training.SETTLING_STEPS else 0.25
            yield number

    found = training.input_stall_seconds(batches(), lambda _: clock.takes(1)(), clock)
    steps = training.WAITING_STEPS
    assert found == (0.25 * steps, 1.25 * steps)


def test_the_first_batches_are_not_counted():
    clock, taken = Clock(), []

    def make(number):
        clock.seconds += 100 if number < pipeline.SETTLING_BATCHES else 2
        taken.append(int(number))
        return number

    class Dataset:
        def take(self, count):
            return (make(number) for number in range(count))

    assert pipeline.seconds_of_batches(Dataset(), clock) == 2 * pipeline.BATCHES
    assert len(taken) == pipeline.SETTLING_BATCHES + pipeline.BATCHES


def test_the_step_that_is_timed_learns():
    bench = trainers.BenchedTrainer(2, "float32", batch_size=4)
    before = [weight.numpy() for weight in bench.state.variables]
    bench.take_step()
    bench.take_step(next(bench.batches()))
    assert bench.state.step == 2
    after = [weight.numpy() for weight in bench.state.variables]
    assert any((a != b).any() for a, b in zip(after, before))


@pytest.mark.parametrize("channels_last", [False, True])
def test_the_twins_step_learns(channels_last):
    torch = pytest.importorskip("torch", reason="PyTorch is an optional extra")
    images = np.random.default_rng(0).integers(0, 256, (4, 40, 168, 1), np.uint8)
    labels = {"digits": tf.constant(np.arange(16).reshape(4, 4) % 10)}
    torch.manual_seed(0)
    step = torch_training.torch_step(
        (tf.constant(images), labels), 2, "float32", channels_last
    )
    losses = [step() for _ in range(10)]
    # Four digits, each one of ten as far as a new net can tell.
    assert losses[0] == pytest.approx(4 * np.log(10), abs=0.3)
    assert losses[-1] < losses[0]


def test_the_torch_reader_answers_as_keras_does():
    pytest.importorskip("torch", reason="PyTorch is an optional extra")
    keras.utils.set_random_seed(1)
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 168, 1), np.uint8)
    expected = model(images)
    answer = contenders.torch_reader(model, "float32")(images)
    np.testing.assert_allclose(answer["sum"], expected["sum"], atol=1e-4)
    np.testing.assert_array_equal(
        answer["digits"], np.argmax(expected["digit_logits"], -1)
    )


def test_openvino_reads_the_onnx_file(tmp_path):
    for package in ("openvino", "onnxruntime", "tf2onnx"):
        pytest.importorskip(package, reason="an optional extra")
    keras.utils.set_random_seed(1)
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    onnx_file.write(model, str(tmp_path / "a.onnx"))
    reader = contenders.openvino_reader(tmp_path / "a.onnx", "f32")
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 168, 1), np.uint8)
    expected, answer = model(images), reader(images)
    assert set(answer) == set(contenders.OUTPUTS)
    for name in ("digit_probabilities", "sum_probabilities", "sum"):
        np.testing.assert_allclose(answer[name], expected[name], atol=1e-4)


def test_openvino_needs_the_onnx_file(tmp_path):
    pytest.importorskip("openvino", reason="an optional extra")
    with pytest.raises(UserError, match="Received: none"):
        contenders.openvino_reader(tmp_path / "a.onnx", "f32")


def test_runtimes_that_are_not_installed_are_named(tmp_path, monkeypatch, caplog):
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    path = export.export_model(model, tmp_path / "model")
    for package in (
        "tf2onnx",
        "onnxruntime",
        "ai_edge_litert.interpreter",
        "openvino",
        "torch",
    ):
        monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "files").mkdir()
    with caplog.at_level(logging.WARNING):
        readers = contenders.load_contenders(path, tmp_path / "files")
    assert list(readers) == [contenders.SAVED_MODEL]
    names = [message.partition(" is left out: ")[0] for message in caplog.messages]
    assert names == [
        "ONNX Runtime",
        "LiteRT",
        "LiteRT int8",
        "OpenVINO",
        "OpenVINO bf16",
        "PyTorch",
        "PyTorch bf16",
    ]
    for message in caplog.messages:
        assert "is needed here: pip install -e '.[" in message
    assert list((tmp_path / "files").iterdir()) == []


def test_runtimes_that_are_installed_answer_alike(tmp_path):
    keras.utils.set_random_seed(1)
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    path = export.export_model(model, tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 168, 1), np.uint8)
    expected = model(images)["sum"]
    readers = contenders.load_contenders(path, tmp_path)
    for name in set(readers) - {"LiteRT int8", "OpenVINO bf16", "PyTorch bf16"}:
        np.testing.assert_allclose(readers[name](images)["sum"], expected, atol=1e-4)
