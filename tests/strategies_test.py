"""What machines that train together must agree on, and what is said of memory."""

import dataclasses
import json
import signal

import pytest
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.training import strategies
from mnist_sum_tf.user_errors import UserError

SETTINGS = config.Config(stage="encoder", objective="digits")


def number_told(monkeypatch, settings) -> int:
    """What the other machines are asked to agree with."""
    told = []

    def agree(strategy, number):
        told.append(number)
        return True

    monkeypatch.setattr(strategies, "workers_agree", agree)
    strategies.check_same_settings(None, settings)
    (number,) = told
    return number


def with_data(**changes) -> dict:
    data = dataclasses.replace(SETTINGS.data, **changes)
    return dataclasses.replace(SETTINGS, data=data).to_dict()


def test_machines_with_other_flags_or_data_are_noticed(monkeypatch):
    settings = SETTINGS.to_dict()
    others = [
        settings | {"seed": 1},
        settings | {"total_steps": 7},
        settings | {"data_digest": "of others"},
        with_data(layout="tiled"),
    ]
    numbers = [number_told(monkeypatch, each) for each in (settings, *others)]
    assert len(set(numbers)) == len(numbers)
    # Each may keep its digits where it likes.
    elsewhere = with_data(tfds_data_dir="there")
    assert number_told(monkeypatch, elsewhere) == numbers[0]


def test_machines_that_disagree_are_reported(monkeypatch):
    monkeypatch.setattr(strategies, "workers_agree", lambda *_: False)
    with pytest.raises(UserError, match='the same flags.*"seed": 0') as raised:
        strategies.check_same_settings(None, SETTINGS.to_dict())
    assert "\n" not in str(raised.value)


def tf_config(workers=("a:1", "b:65535", "[::1]:22"), index=1, kind="worker", **others):
    task = {"type": kind, "index": index}
    return json.dumps({"cluster": {"worker": workers} | others, "task": task})


def test_machines_are_known_by_their_addresses():
    assert strategies.check_tf_config(tf_config()) == ["a:1", "[::1]:22"]
    assert strategies.check_tf_config(tf_config(["a:1"], 0)) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"cluster": 1}',
        '{"cluster": []}',
        tf_config([], 0),
        tf_config(ps=["c:1"]),
        tf_config(chief=["c:1"]),
        tf_config(kind="ps"),
        tf_config(index=3),
        tf_config(index=-1),
        tf_config(index=0.0),
        tf_config(index=True),
        tf_config(index="0"),
        tf_config("a:1", 0),
        tf_config({"0": "a:1"}, 0),
        tf_config([7], 0),
        tf_config(["a"], 0),
        tf_config([":1"], 0),
        tf_config(["a:"], 0),
        tf_config(["a:0"], 0),
        tf_config(["a:65536"], 0),
        tf_config(["a:-1"], 0),
        tf_config(["a:²"], 0),
        tf_config(["a b:1"], 0),
        tf_config(["a:1", "b:1", "a:1"], 0),
    ],
)
def test_other_plans_of_machines_are_reported(text):
    with pytest.raises(UserError, match="^TF_CONFIG must be ") as error:
        strategies.check_tf_config(text)
    assert str(error.value).endswith(f"Received: {text!r}")


def test_a_machine_that_waits_says_so_and_ends_at_once(monkeypatch, caplog):
    found = []

    def wait():
        found.append(signal.getsignal(signal.SIGINT))

    caplog.set_level("INFO")
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", wait)
    for text in (tf_config(["a:1"], 0), tf_config()):
        monkeypatch.setenv("TF_CONFIG", text)
        strategies.create_strategy("multi_worker")
    assert found == 2 * [signal.SIG_DFL]
    assert signal.getsignal(signal.SIGINT) is before
    (told,) = caplog.messages  # the second time alone
    assert told == "waiting for the other machines of TF_CONFIG: a:1, [::1]:22"


def test_too_little_memory_is_reported():
    strategy = strategies.create_strategy("one_device")
    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nmore")
    with pytest.raises(
        UserError,
        match="--global_batch_size .* smaller model. Received: OOM when allocating$",
    ):
        with strategies.tensorflow_errors_reported(strategy, "W"):
            raise error


@pytest.mark.parametrize("batch_size, replicas", [(10, 4), (0, 1), (-4, 2)])
def test_batches_divide_by_the_replicas(batch_size, replicas):
    with pytest.raises(UserError, match=f"Received: {batch_size}"):
        strategies.check_batch_size(batch_size, replicas)


def test_an_unknown_strategy_is_reported():
    with pytest.raises(UserError, match="--strategy .* 'tpu'"):
        strategies.create_strategy("tpu")
