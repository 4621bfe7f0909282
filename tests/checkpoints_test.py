"""Which checkpoints are kept, and what the list of them says."""

import pytest
import tensorflow as tf

from mnist_sum_tf.training import checkpoints

DATA = ".data-00000-of-00001"


@pytest.fixture
def folder(tmp_path):
    """The folder of a run that has one number and no settings."""
    state = tf.train.Checkpoint(
        number=tf.Variable(1.0), settings=checkpoints.SavedSettings({})
    )
    return checkpoints.CheckpointFolder(state, tmp_path, {})


def names(stage_dir, ending) -> list[str]:
    return sorted(path.name for path in stage_dir.glob(f"checkpoints/*{ending}"))


def test_steps_are_ordered_as_numbers(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for step in (9, 10):
        (tmp_path / "checkpoints" / f"ckpt-{step}.index").touch()
    paths = checkpoints.checkpoint_paths(tmp_path)
    assert [checkpoints.step_of(path) for path in paths] == [10, 9]


def test_a_later_checkpoint_is_left_and_not_listed(tmp_path, folder):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "ckpt-8.index").touch()
    folder.save(5)
    assert names(tmp_path, ".index") == ["ckpt-5.index", "ckpt-8.index"]
    lines = (tmp_path / "checkpoints" / "checkpoint").read_text().splitlines()
    assert lines[0] == 'model_checkpoint_path: "ckpt-5"'


def test_only_the_data_of_the_oldest_are_deleted(tmp_path, folder):
    """The name ckpt-50 begins as that of the deleted one, ckpt-5."""
    for step in (5, 48, 49, 50):
        folder.save(step)
    kept = ["ckpt-48", "ckpt-49", "ckpt-50"]
    assert names(tmp_path, ".index") == [f"{name}.index" for name in kept]
    assert names(tmp_path, DATA) == [f"{name}{DATA}" for name in kept]


def test_a_broken_checkpoint_is_none_of_those_kept(tmp_path, folder):
    for step in (1, 2, 3):
        folder.save(step)
    (tmp_path / "checkpoints" / f"ckpt-3{DATA}").write_bytes(b"")
    assert folder.restore_latest().endswith("ckpt-2")
    folder.save(4)
    assert names(tmp_path, ".index") == ["ckpt-1.index", "ckpt-2.index", "ckpt-4.index"]
