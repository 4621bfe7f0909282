"""Training: steps, resumption, refusal, averages."""

import dataclasses
import json
import random
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_runs import (
    SETTINGS,
    assert_same_values,
    build_regressor,
    final_values,
    make_batch,
    make_task,
)

from mnist_sum_tf import config
from mnist_sum_tf.models.normalization import FusedBatchNormalization
from mnist_sum_tf.training import batch_statistics, checkpoints, loop
from mnist_sum_tf.training.history import read_history
from mnist_sum_tf.user_errors import UserError


def test_a_stopped_and_resumed_run_ends_in_the_same_bits(tmp_path):
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path / "whole")
    # Stopped after step 5: the checkpoint is of step 4, one step is redone.
    stopping = dataclasses.replace(
        make_task(),
        train_data=lambda start: tf.data.Dataset.range(start, 5).map(make_batch),
    )
    with pytest.raises(StopIteration):
        loop.train_and_evaluate(lambda: stopping, SETTINGS, tmp_path / "parts")
    assert checkpoints.latest_checkpoint(tmp_path / "parts").endswith("ckpt-4")
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path / "parts")
    values = final_values(tmp_path / "whole")
    assert any("seeds" in name for name in values)
    assert_same_values(values, final_values(tmp_path / "parts"))
    histories = [read_history(tmp_path / part) for part in ("whole", "parts")]
    assert histories[0] == histories[1]
    assert [row["step"] for row in histories[0]] == [2, 4, 6, 8]


def test_what_making_the_task_draws_changes_no_bits(tmp_path):
    def drawing():
        random.random()  # as a teacher does that is built first
        return make_task()

    loop.train_and_evaluate(make_task, SETTINGS, tmp_path / "without")
    loop.train_and_evaluate(drawing, SETTINGS, tmp_path / "with")
    values = final_values(tmp_path / "with")
    assert_same_values(final_values(tmp_path / "without"), values)


def build_normalized(dtype):
    """As the line, its inputs normalised as an image's channels."""
    x = keras.Input((3,))
    y = keras.layers.Reshape((1, 1, 3))(x)
    y = FusedBatchNormalization(dtype=dtype, name="norm")(y)
    y = keras.layers.Dense(1, dtype=dtype)(y)
    return keras.Model(x, keras.layers.Reshape(())(y), name="regressor")


def test_statistics_of_batches_are_kept_and_resumed(tmp_path):
    task = dataclasses.replace(make_task(), build_model=build_normalized)
    settings = dataclasses.replace(
        SETTINGS,
        optimizer=dataclasses.replace(SETTINGS.optimizer, schedule="constant"),
    )
    for total_steps in (2, 4):
        loop.train_and_evaluate(
            lambda: task,
            dataclasses.replace(settings, total_steps=total_steps),
            tmp_path / "parts",
        )
    loop.train_and_evaluate(
        lambda: task,
        dataclasses.replace(settings, total_steps=4),
        tmp_path / "whole",
    )
    values = final_values(tmp_path / "whole")
    assert_same_values(values, final_values(tmp_path / "parts"))
    mean, variance = np.zeros(3), np.ones(3)
    for step in range(4):
        x = make_batch(tf.constant(step, tf.int64))[0].numpy()
        mean = 0.99 * mean + 0.01 * x.mean(axis=0)
        variance = 0.99 * variance + 0.01 * x.var(axis=0)
    kept = [v for k, v in values.items() if v.shape == (3,) and k.startswith("model")]
    for expected in (mean, variance):
        assert any(np.allclose(expected, value, rtol=1e-5) for value in kept)


def test_a_finished_run_changes_nothing_when_run_again(tmp_path):
    first = loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    values = final_values(tmp_path)
    assert loop.train_and_evaluate(make_task, SETTINGS, tmp_path) == first
    assert_same_values(values, final_values(tmp_path))
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("*.index"))
    assert names == ["ckpt-4.index", "ckpt-6.index", "ckpt-8.index"]


def test_one_step_of_the_average_is_worked_by_hand(tmp_path):
    """The first step's decay is min(decay, (1 + 1) / (10 + 1))."""
    settings = dataclasses.replace(SETTINGS, total_steps=1)
    keras.utils.set_random_seed(settings.seed)
    start = build_regressor("float32").get_weights()
    loop.train_and_evaluate(make_task, settings, tmp_path)
    values = final_values(tmp_path)
    kernels = {
        name.split("/")[0]: value
        for name, value in values.items()
        if value.shape == (3, 1) and "optimizer/_variables" not in name
    }
    # A variable stands in the file once, here under the optimizer's name.
    learned = kernels["optimizer"]
    expected = learned + 2 / 11 * (start[0] - learned)
    np.testing.assert_allclose(kernels["average"], expected, rtol=1e-6)
    assert (learned != start[0]).any()


def test_another_experiments_directory_is_refused(tmp_path):
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    other = dataclasses.replace(
        SETTINGS, seed=1, model=config.ModelConfig(base_channels=8)
    )
    with pytest.raises(UserError) as error:
        loop.train_and_evaluate(make_task, other, tmp_path)
    message = str(error.value)
    assert "--base_channels was 16, is now 8" in message
    assert "seed was 0, is now 1" in message and "\n" not in message


def test_another_experiment_is_refused_before_its_data_are_read(tmp_path):
    def read_data():
        raise AssertionError("data were read")

    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    data = dataclasses.replace(SETTINGS.data, mixup_share=0.25)
    other = dataclasses.replace(SETTINGS, data=data)
    with pytest.raises(UserError, match="--mixup_share was 0.0, is now 0.25"):
        loop.train_and_evaluate(read_data, other, tmp_path)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, caplog):
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    values = final_values(tmp_path)
    data = tmp_path / "checkpoints" / "ckpt-8.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    assert "ckpt-8" in caplog.text and "going back to" in caplog.text
    assert_same_values(values, final_values(tmp_path))


def test_only_damaged_checkpoints_are_no_fresh_start(tmp_path):
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    for path in (tmp_path / "checkpoints").glob("*.data*"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match="that can be read. Received: 3"):
        loop.train_and_evaluate(make_task, SETTINGS, tmp_path)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    task = dataclasses.replace(
        make_task(), loss=lambda labels, sums: sums * float("nan")
    )
    with pytest.raises(UserError) as raised:
        loop.train_and_evaluate(lambda: task, SETTINGS, tmp_path)
    assert str(raised.value) == (
        "Loss and gradient must stay finite; take a lower --learning_rate in another "
        "--workdir. Received: 2 that were not, the last at step 2; there is no good "
        "checkpoint yet"
    )
    half = dataclasses.replace(SETTINGS, total_steps=4)
    loop.train_and_evaluate(make_task, half, tmp_path / "good")
    with pytest.raises(UserError) as raised:
        loop.train_and_evaluate(lambda: task, SETTINGS, tmp_path / "good")
    message = str(raised.value)
    assert "or go on here with --skip_non_finite=2 or more. Received: 2 that" in message
    assert re.search("at step 6; the last good checkpoint is .*ckpt-4$", message)


def test_each_row_has_the_mean_loss_since_the_one_before(tmp_path):
    """The losses are 1, 2, ..., 8."""

    def make_numbered(step):
        x, _ = make_batch(step)
        return x, {"sum": tf.fill([4], tf.cast(step + 1, tf.float32))}

    task = dataclasses.replace(
        make_task(),
        loss=lambda labels, sums: labels["sum"] + 0 * sums,
        train_data=lambda start: tf.data.Dataset.range(start, 8).map(make_numbered),
    )
    loop.train_and_evaluate(lambda: task, SETTINGS, tmp_path)
    losses = [row["loss"] for row in read_history(tmp_path)]
    assert losses == [1.5, 3.5, 5.5, 7.5]


def test_a_checkpoint_finds_its_rows(tmp_path, monkeypatch):
    original, found = checkpoints.CheckpointFolder.save, []

    def save(self, step):
        found.append((step, [row["step"] for row in read_history(tmp_path)][-1:]))
        original(self, step)

    monkeypatch.setattr(checkpoints.CheckpointFolder, "save", save)
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    assert found == [(2, [2]), (4, [4]), (6, [6]), (8, [8])]


def test_every_checkpoint_has_new_statistics(tmp_path, monkeypatch):
    updated = []
    monkeypatch.setattr(
        batch_statistics.BatchStatistics, "update", lambda self: updated.append(self)
    )
    settings = dataclasses.replace(SETTINGS, evaluate_every_steps=8)
    loop.train_and_evaluate(make_task, settings, tmp_path)
    assert len(updated) == 4


def test_load_average_names_a_missing_or_foreign_checkpoint(tmp_path):
    with pytest.raises(UserError, match="must hold a checkpoint"):
        checkpoints.load_average(build_regressor("float32"), tmp_path)
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(7)])
    with pytest.raises(UserError, match="that can be read. Received: 3"):
        checkpoints.load_average(other, tmp_path)


def test_config_json_says_how_the_run_was_made(tmp_path):
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written == SETTINGS.to_dict() | {"data_digest": ""}


def test_a_run_that_is_done_says_so(tmp_path, caplog):
    caplog.set_level("INFO")
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    assert "already" not in caplog.text
    fewer = dataclasses.replace(SETTINGS, total_steps=5)
    assert loop.train_and_evaluate(make_task, fewer, tmp_path)["step"] == 8
    assert "at step 8 already, of --total_steps=5" in caplog.text


@pytest.mark.parametrize(
    "goal, stops", [(None, False), (0.0, True), (1.0, True), (1.5, False)]
)
def test_a_goal_above_one_is_never_reached(goal, stops):
    """So several machines may have it."""
    settings = dataclasses.replace(SETTINGS, stop_at_accuracy=goal)
    assert loop._stops_early(settings) is stops


def test_training_stops_at_its_goal_and_is_done(tmp_path, capsys):
    """The goal is reached at once: by the first of two evaluations."""
    evaluated = dataclasses.replace(
        make_task(),
        build_evaluated=lambda model: keras.Model(
            model.inputs,
            {
                "sum_probabilities": keras.layers.Softmax()(
                    keras.layers.Dense(37)(model.inputs[0])
                )
            },
        ),
        evaluated_outputs=("sum_probabilities",),
        validation_data={
            "held_out": tf.data.Dataset.range(100, 102).map(
                lambda step: (make_batch(step)[0], {"sum": tf.range(4)})
            )
        },
    )
    for goal, last in ((0.0, 4), (1.0, 8)):
        settings = dataclasses.replace(
            SETTINGS, stop_at_accuracy=goal, checkpoint_every_steps=3
        )
        for _ in range(2):  # The second time, nothing is left to do.
            row = loop.train_and_evaluate(
                lambda: evaluated, settings, tmp_path / str(goal)
            )
            assert row["step"] == last
        path = checkpoints.latest_checkpoint(tmp_path / str(goal))
        assert path.endswith(f"ckpt-{last}")
    written = capsys.readouterr()
    assert "16 images seen" in written.out + written.err
