"""Damaged checkpoints, signals, odd numbers: nothing good is ever lost."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import small_runs
import tensorflow as tf
from small_runs import SETTINGS, assert_same_values, final_values, make_task

from mnist_sum_tf.runtimes import saved_model
from mnist_sum_tf.serving import export
from mnist_sum_tf.training import (
    checkpoints,
    interruptions,
    loop,
    stage_lock,
)
from mnist_sum_tf.training.history import read_history
from mnist_sum_tf.user_errors import UserError


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with the checkpoints 4, 6 and 8."""
    directory = tmp_path_factory.mktemp("trained")
    loop.train_and_evaluate(make_task, SETTINGS, directory)
    return directory


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it, to damage."""
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def newest(run, suffix) -> pathlib.Path:
    return run / "checkpoints" / f"ckpt-8{suffix}"


DATA = ".data-00000-of-00001"


def truncate(run):
    newest(run, DATA).write_bytes(newest(run, DATA).read_bytes()[:-20])


def empty_index(run):
    newest(run, ".index").write_bytes(b"")


def truncate_index(run):
    newest(run, ".index").write_bytes(newest(run, ".index").read_bytes()[:-9])


def flip_a_byte(run):
    content = bytearray(newest(run, DATA).read_bytes())
    content[len(content) // 2] ^= 1
    newest(run, DATA).write_bytes(content)


def remove_index(run):
    newest(run, ".index").unlink()


def remove_index_and_list(run):
    newest(run, ".index").unlink()
    (run / "checkpoints" / "checkpoint").unlink()


def remove_data(run):
    newest(run, DATA).unlink()


def remove_what_the_list_names(run):
    remove_index(run)
    remove_data(run)


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        empty_index,
        truncate_index,
        flip_a_byte,
        remove_index,
        remove_index_and_list,
        remove_data,
        remove_what_the_list_names,
    ],
)
def test_a_damaged_checkpoint_falls_back_with_a_warning(trained, run, caplog, damage):
    damage(run)
    # What evaluation and export load is the one before ...
    model = small_runs.build_regressor("float32")
    assert checkpoints.load_average(model, run) == 6
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / "ckpt-6"))
    kernels = [
        reader.get_tensor(name)
        for name, shape in reader.get_variable_to_shape_map().items()
        if name.startswith("average/") and shape == [3, 1]
    ]
    np.testing.assert_array_equal(kernels, [model.weights[0]])
    # ... and so does training, which then ends as if nothing had happened.
    loop.train_and_evaluate(make_task, SETTINGS, run)
    warnings = [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and "going back to" in record.message
    ]
    assert len(warnings) == 2
    assert all("ckpt-8: " in each and "ckpt-6" in each for each in warnings)
    assert_same_values(final_values(trained), final_values(run))
    assert read_history(trained) == read_history(run)


@pytest.mark.parametrize("content", [b"", b"\xff\x00nonsense", None])
def test_the_list_of_checkpoints_is_not_trusted(run, content):
    path = run / "checkpoints" / "checkpoint"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    before = final_values(run)
    loop.train_and_evaluate(make_task, SETTINGS, run)
    assert_same_values(before, final_values(run))


def test_every_byte_counts(run):
    """A flipped bit is noticed wherever it is, or changes no value."""
    reader = tf.train.load_checkpoint(str(newest(run, "")))
    names = [*reader.get_variable_to_shape_map()]
    expected = {name: reader.get_tensor(name) for name in names}
    noticed = 0
    for suffix, step in ((DATA, 97), (".index", 13)):
        good = newest(run, suffix).read_bytes()
        for place in range(0, len(good), step):
            content = bytearray(good)
            content[place] ^= 1 << place % 8
            newest(run, suffix).write_bytes(content)
            try:
                reader = tf.train.load_checkpoint(str(newest(run, "")))
                for name in names:
                    np.testing.assert_array_equal(
                        reader.get_tensor(name), expected[name]
                    )
            except checkpoints.READ_ERRORS as error:
                assert not isinstance(error, AssertionError), place
                noticed += 1
        newest(run, suffix).write_bytes(good)
    assert noticed > 50


def test_checkpoints_alone_tell_another_experiment(run):
    (run / "config.json").unlink()
    other = dataclasses.replace(SETTINGS, seed=3)
    with pytest.raises(UserError, match="ckpt-8 belongs to .*--seed was 0, is now 3"):
        loop.train_and_evaluate(make_task, other, run)
    assert not (run / "config.json").exists()  # which would refuse the next one
    assert loop.train_and_evaluate(make_task, SETTINGS, run)["step"] == 8
    assert json.loads((run / "config.json").read_text())["seed"] == 0


def test_no_restart_from_zero_where_checkpoints_are_gone(run, caplog):
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="history of 8 steps, no"):
        loop.train_and_evaluate(make_task, SETTINGS, run)
    # A run killed within its first save left no more than this.
    rows = '[{"step": 2, "loss": 1.0}]'
    (run / "history.json").write_text(rows)
    loop.train_and_evaluate(make_task, SETTINGS, run)
    assert "no checkpoint: starting over" in caplog.text


def test_a_first_save_that_was_killed_may_have_been_due_later(tmp_path, caplog):
    late = dataclasses.replace(SETTINGS, checkpoint_every_steps=8)
    loop.train_and_evaluate(make_task, late, tmp_path)
    shutil.rmtree(tmp_path / "checkpoints")
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    assert "a history of 8 steps but no checkpoint: starting over" in caplog.text


def test_a_run_that_starts_over_may_be_interrupted_again(tmp_path, monkeypatch):
    late = dataclasses.replace(SETTINGS, checkpoint_every_steps=8)
    loop.train_and_evaluate(make_task, late, tmp_path)
    shutil.rmtree(tmp_path / "checkpoints")
    monkeypatch.setattr(loop.Trainer, "run", lambda trainer, stop: None)
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)  # as killed at once
    monkeypatch.undo()
    assert loop.train_and_evaluate(make_task, SETTINGS, tmp_path)["step"] == 8


@pytest.mark.parametrize("name", ["run [1]", "back\\slash", os.fsdecode(b"caf\xe9")])
def test_paths_that_tensorflow_cannot_read_back_are_refused_at_once(tmp_path, name):
    with pytest.raises(UserError, match="--workdir must be a path .*Received: "):
        loop.train_and_evaluate(make_task, SETTINGS, tmp_path / name)
    assert [*tmp_path.iterdir()] == []
    with pytest.raises(UserError, match="--model must be a path .*Received: "):
        saved_model.find_saved_model(tmp_path / name)
    with pytest.raises(UserError, match="--export_dir must be a path"):
        export.check_export_dir(tmp_path / name)


def test_settings_are_in_the_checkpoint_too(run):
    (run / "config.json").unlink()
    other = dataclasses.replace(SETTINGS, seed=5)
    with pytest.raises(UserError, match="seed was 0, is now 5"):
        loop.train_and_evaluate(make_task, other, run)


def test_other_data_are_refused(run):
    task = dataclasses.replace(make_task(), data_digest="other")
    with pytest.raises(UserError, match="data_digest was '', is now 'other'"):
        loop.train_and_evaluate(lambda: task, SETTINGS, run)


def test_one_process_at_a_time(run):
    program = (
        "import sys, time; from mnist_sum_tf.training import stage_lock; "
        f"held = stage_lock.lock_directory({str(run)!r}); "
        "print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "held\n"
    with pytest.raises(UserError, match=f"beside process {other.pid}"):
        loop.train_and_evaluate(make_task, SETTINGS, run)
    other.kill()
    other.wait()
    stage_lock.lock_directory(run).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_step_and_saves(trained, tmp_path, number):
    before = signal.getsignal(number)
    original, taken = loop.Trainer._take_step, []

    def take(self, *arguments):
        if self.state.step == 4 and not taken:
            taken.append(signal.raise_signal(number))
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Trainer, "_take_step", take)
        with pytest.raises(interruptions.TrainingStopped) as stop:
            loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    name = signal.Signals(number).name
    assert f"by {name} after step 5 of 8" in str(stop.value)
    assert checkpoints.latest_checkpoint(tmp_path).endswith("ckpt-5")
    assert signal.getsignal(number) is before
    loop.train_and_evaluate(make_task, SETTINGS, tmp_path)
    assert_same_values(final_values(trained), final_values(tmp_path))
    assert read_history(trained) == read_history(tmp_path)
