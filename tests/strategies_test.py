"""What machines that train together must agree on, and what is said of memory."""

import dataclasses

import pytest
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.training import strategies

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
    return dataclasses.replace(SETTINGS, data=data).to_json()


def test_machines_with_other_flags_or_data_are_noticed(monkeypatch):
    settings = SETTINGS.to_json()
    others = [
        settings | {"seed": 1}, settings | {"total_steps": 7},
        settings | {"data_digest": "of others"}, with_data(layout="tiled"),
    ]  # fmt: skip
    numbers = [number_told(monkeypatch, each) for each in (settings, *others)]
    assert len(set(numbers)) == len(numbers)
    # Each may keep its digits where it likes.
    elsewhere = with_data(tfds_data_dir="there")
    assert number_told(monkeypatch, elsewhere) == numbers[0]


def test_machines_that_disagree_are_told(monkeypatch):
    monkeypatch.setattr(strategies, "workers_agree", lambda *_: False)
    with pytest.raises(config.UserError, match='the same flags.*"seed": 0') as raised:
        strategies.check_same_settings(None, SETTINGS.to_json())
    assert "\n" not in str(raised.value)


def test_too_little_memory_is_told():
    strategy = strategies.create_strategy("one_device")
    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nmore")
    with pytest.raises(
        config.UserError, match="--global_batch_size .*Received: OOM when allocating$"
    ):
        with strategies.machines_told(strategy, "W"):
            raise error
