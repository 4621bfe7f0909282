"""Losses that are no numbers: the run stops, or skips the step."""

import dataclasses

import numpy as np
import pytest
import small_runs
import tensorflow as tf
from small_runs import SETTINGS, final_values, make_task

from mnist_sum_tf.training import (
    checkpoints,
    loop,
)
from mnist_sum_tf.training.history import read_history
from mnist_sum_tf.user_errors import UserError


def bad_task(*steps):
    """The task with a loss that is not a number at these steps."""

    def make_batch(step):
        x, labels = small_runs.make_batch(step)
        wrong = tf.reduce_any(step + 1 == tf.constant(steps, tf.int64))
        factor = tf.where(wrong, float("nan"), 1.0)
        return x, {"sum": labels["sum"] * factor}

    data = tf.data.Dataset.range
    return dataclasses.replace(
        make_task(), train_data=lambda start: data(start, 8).map(make_batch)
    )


def test_what_is_not_finite_is_never_saved(tmp_path):
    seldom_logged = dataclasses.replace(SETTINGS, log_every_steps=8)
    with pytest.raises(UserError, match="the last at step 3; .*ckpt-2$"):
        loop.train_and_evaluate(lambda: bad_task(3), seldom_logged, tmp_path)
    assert checkpoints.latest_checkpoint(tmp_path).endswith("ckpt-2")


def test_numbers_that_are_not_finite_stop_or_are_counted(tmp_path):
    task = bad_task(3, 5, 6)
    with pytest.raises(UserError) as error:
        loop.train_and_evaluate(lambda: task, SETTINGS, tmp_path)
    message = str(error.value)
    assert "the last at step 3" in message and message.endswith("ckpt-2")
    tolerant = dataclasses.replace(SETTINGS, skip_non_finite=1)
    with pytest.raises(UserError, match="=3 or more.* at step 6"):
        loop.train_and_evaluate(lambda: task, tolerant, tmp_path)
    tolerant = dataclasses.replace(SETTINGS, skip_non_finite=3)
    row = loop.train_and_evaluate(lambda: task, tolerant, tmp_path)
    assert row["skipped_steps"] == 3 and row["step"] == 8
    # Nothing was learned between step 4 and step 6: no loss is the mean there.
    losses = {row["step"]: row.get("loss") for row in read_history(tmp_path)}
    assert losses.keys() == {2, 4, 6, 8} and losses.pop(6) is None
    assert all(loss > 0 for loss in losses.values())
    for name, value in final_values(tmp_path).items():
        assert np.isfinite(value).all(), name
