"""Full disks and folders that cannot be written: nothing good is ever lost."""

import dataclasses
import errno
import os
import resource
import signal

import pytest
import tensorflow as tf
from damage_test import newest, run, trained
from small_runs import SETTINGS, assert_same_values, final_values, make_task

from mnist_sum_tf.data import generation
from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.serving import export
from mnist_sum_tf.training import loop, scalars
from mnist_sum_tf.user_errors import UserError


class FullDisk:
    """Lets no file grow beyond a size while it is entered."""

    def __init__(self, size):
        self.size = size

    def __enter__(self):
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limits = (self.size, self.before[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    def __exit__(self, *exception):
        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)
        signal.signal(signal.SIGXFSZ, self.handler)


def test_a_full_disk_names_the_last_good_checkpoint(trained, run):
    longer = dataclasses.replace(
        SETTINGS, checkpoint_every_steps=1, evaluate_every_steps=100
    )
    for name in ("6", "8"):
        for path in (run / "checkpoints").glob(f"ckpt-{name}.*"):
            path.unlink()
    (run / "checkpoints" / "checkpoint").unlink()
    with FullDisk(2048), pytest.raises(UserError) as error:
        loop.train_and_evaluate(make_task, longer, run)
    message = str(error.value)
    assert "ckpt-5" in message and "last good checkpoint is" in message
    assert message.split("last good")[1].count("ckpt-4") == 1
    assert "\n" not in message
    assert not [*run.rglob("*_temp*")] and not [*run.rglob("*.partial")]
    loop.train_and_evaluate(make_task, SETTINGS, run)
    assert_same_values(final_values(trained), final_values(run))


@pytest.mark.parametrize("file_format", generation.FORMATS)
def test_a_full_disk_leaves_no_images(tmp_path, monkeypatch, file_format):
    """More than fits, found in the middle of a file, of which none is mapped."""
    monkeypatch.setattr("numpy.memmap", None)
    digits = load_digits()
    with FullDisk(256), pytest.raises(UserError) as error:
        generation.generate(digits, "mixed", 0, 2, file_format, str(tmp_path / "out"))
    assert "--output_dir must be a folder that can be written" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_for_tensorboard_first(run, monkeypatch):
    full = tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    class FullWriter:
        def close(self):
            raise full

    def add(self, row):
        if row["step"] > 6:
            self._writer = FullWriter()
            raise full

    monkeypatch.setattr(scalars.Scalars, "add", add)
    newest(run, ".index").unlink()
    with pytest.raises(UserError, match="No space left") as error:
        loop.train_and_evaluate(make_task, SETTINGS, run)
    assert "ckpt-6" in str(error.value)


@pytest.mark.parametrize("path", ["taken", "taken/below"])
def test_a_work_directory_that_cannot_be_made(tmp_path, path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match="--workdir must be a folder"):
        loop.train_and_evaluate(make_task, SETTINGS, tmp_path / path)


def test_a_folder_without_permission(run, monkeypatch):
    """Permissions do not bind whoever runs tests as root, so: as if."""

    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", "history.json")

    monkeypatch.setattr("mnist_sum_tf.training.history.write_atomically", refuse)
    newest(run, ".index").unlink()
    with pytest.raises(UserError, match="Permission denied") as error:
        loop.train_and_evaluate(make_task, SETTINGS, run)
    assert "ckpt-6" in str(error.value)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "No space left on device"),
    ],
)
@pytest.mark.parametrize("full_for", ["write_saved_model", "write_warmup_requests"])
def test_a_full_disk_leaves_nothing_of_an_export(
    tmp_path, monkeypatch, error, full_for
):
    def write(model, path):
        os.makedirs(path)

    def fill(*args, **kwargs):
        raise error

    monkeypatch.setattr(export, "write_saved_model", write)
    monkeypatch.setattr(export, "verify_saved_model", lambda *_: None)
    monkeypatch.setattr(export, full_for, fill)
    with pytest.raises(UserError, match="--export_dir must be .*No space left"):
        export.export_model(build_decoder(), tmp_path / "models")
    assert os.listdir(tmp_path) == []
