"""State dicts become stages of a work directory, without PyTorch."""

import dataclasses
import pathlib

import numpy as np
import pytest
from random_states import random_state

from mnist_sum_tf import config
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.torch_bridge import state_dicts, work_directories
from mnist_sum_tf.training import checkpoints, stage_lock, stages, trained_models
from mnist_sum_tf.user_errors import UserError


def test_a_stage_is_written_once(tmp_path):
    settings = get_preset("original", "decoder")
    state = random_state("decoder")
    # All that a run leaves which was refused.
    (tmp_path / "decoder").mkdir()
    (tmp_path / "decoder" / stage_lock.LOCK_FILE).touch()
    folder = work_directories.write_stage(state, settings, tmp_path)
    assert folder == tmp_path / "decoder"
    assert (folder / "checkpoints" / "ckpt-0.index").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["decoder"]
    decoder = build_decoder()
    assert checkpoints.load_average(decoder, folder) == 0
    for key, value in state_dicts.state_dict_of(decoder).items():
        np.testing.assert_array_equal(value, state[key])
    with pytest.raises(UserError, match="nothing is overwritten"):
        work_directories.write_stage(state, settings, tmp_path)
    with pytest.raises(UserError, match="without encoder"):
        trained_models.load_sum_model(tmp_path)


def test_a_stage_that_another_process_trains_is_left_alone(tmp_path):
    settings, state = get_preset("original", "decoder"), random_state("decoder")
    with stage_lock.locked_directory(tmp_path / "W" / "decoder"):
        with pytest.raises(UserError, match="one process at a time"):
            work_directories.write_stage(state, settings, tmp_path / "W")
        with pytest.raises(UserError, match="one process at a time"):
            stage_lock.lock_directory(tmp_path / "W" / "decoder")


def test_a_stage_that_another_process_locks_meanwhile_is_left_alone(
    tmp_path, monkeypatch
):
    """It does so when the place is made empty, which renaming needs."""
    place, locks = tmp_path / "W" / "decoder", []
    unlink = pathlib.Path.unlink

    def unlink_and_lock(path, **options):
        unlink(path, **options)
        if path == place / stage_lock.LOCK_FILE and not locks:
            locks.append(stage_lock.lock_directory(place))

    monkeypatch.setattr(pathlib.Path, "unlink", unlink_and_lock)
    with pytest.raises(UserError, match="--workdir must be .* Directory not empty"):
        work_directories.write_stage(
            random_state("decoder"), get_preset("original", "decoder"), tmp_path / "W"
        )
    assert [path.name for path in place.iterdir()] == [stage_lock.LOCK_FILE]
    assert stage_lock._is_at(place / stage_lock.LOCK_FILE, locks[0])
    locks[0].close()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"precision": "float8"}, "--precision must be one of"),
        ({"strategy": "none"}, "--strategy must be one of"),
        ({"global_batch_size": 0}, "--global_batch_size must be"),
        ({"data": config.DataConfig(layout="ring")}, "--layout must be one of"),
        ({"objective": "digits"}, "--objective must be one of"),
    ],
)
def test_settings_that_training_would_refuse_write_nothing(tmp_path, changes, message):
    settings = dataclasses.replace(get_preset("original", "decoder"), **changes)
    with pytest.raises(UserError, match=message):
        work_directories.write_stage(random_state("decoder"), settings, tmp_path)
    assert not list(tmp_path.iterdir())


def test_training_goes_on_from_a_written_stage(tmp_path):
    settings = dataclasses.replace(
        get_preset("original", "decoder"), total_steps=2, precision="float32"
    )
    state = random_state("decoder")
    folder = work_directories.write_stage(state, settings, tmp_path)
    assert stages.train_decoder(settings, tmp_path)["step"] == 2
    decoder = build_decoder()
    assert checkpoints.load_average(decoder, folder) == 2
    # Two steps of Adam at 1e-3 from these weights, not from others.
    for key, value in state_dicts.state_dict_of(decoder).items():
        assert 0 < np.abs(value - state[key]).max() < 2.1e-3, key
