"""Checkpoints: save the whole training state, restore it or say why not.

They lie in `<stage>/checkpoints/ckpt-<step>.index` and companions, as
`tf.train.CheckpointManager` would name them. That class trusts its list of
checkpoints, the file `checkpoint`; here what lies in the folder counts, the
newest that can be read.
"""

import json
import logging
import os
import pathlib
import re
import shutil

import keras
import tensorflow as tf

from mnist_sum_tf.atomic_files import write_atomically
from mnist_sum_tf.training import stage_folder
from mnist_sum_tf.user_errors import UserError, first_line

CHECKPOINTS = "checkpoints"
LIST_FILE = "checkpoint"  # TensorFlow's own name
MAX_TO_KEEP = 3
FILE_NAME = re.compile(r"ckpt-(\d{1,18})\.(index|data-\d+-of-\d+)")
# In the file `checkpoint`.
NEWEST = re.compile(rb'^model_checkpoint_path: "(?:.*/)?ckpt-(\d{1,18})"')
SETTINGS_KEY = "settings/.ATTRIBUTES/py_state"
# What TensorFlow raises for truncated, changed, missing or foreign files.
READ_ERRORS = (
    tf.errors.OpError,
    AssertionError,
    IndexError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class SavedSettings(tf.train.experimental.PythonState):
    """The settings a checkpoint was trained with, as JSON within it."""

    def __init__(self, settings: dict):
        super().__init__()
        self._text = json.dumps(settings)

    def serialize(self):
        return self._text

    def deserialize(self, string_value):
        """Ignores the saved settings, which `restore_latest` has already compared."""


class CheckpointFolder:
    """The checkpoints of one stage, as its training run sees them.

    Attributes:
        latest: the path of the newest one restored or saved, `None` before.
    """

    def __init__(self, checkpoint: tf.train.Checkpoint, stage_dir, settings):
        """Args: what to save and restore; the stage's folder; its settings, a nested
        dictionary, to compare with those saved.
        """
        self._checkpoint = checkpoint
        self._stage_dir = stage_dir
        self._directory = pathlib.Path(stage_dir) / CHECKPOINTS
        self._settings = settings
        self._unreadable = set()
        self.latest = None

    def restore_latest(self) -> str | None:
        """Restores the newest checkpoint that can be read.

        Returns:
            Its path, or `None` where there is no checkpoint at all.

        Raises:
            UserError: if there are checkpoints and none can be read, or it is
                of another experiment.
        """

        def restore(path):
            self._check_settings(path)
            self._checkpoint.read(path).assert_consumed()

        self.latest, self._unreadable = first_readable(self._stage_dir, restore)
        return self.latest

    def _check_settings(self, path: str) -> None:
        text = tf.train.load_checkpoint(path).get_tensor(SETTINGS_KEY)
        stage_folder.check_same(path, json.loads(text), self._settings)

    def save(self, step: int) -> None:
        """Saves, and only then deletes the oldest beyond `MAX_TO_KEEP`.

        Raises:
            UserError: if it cannot be written; the last good one is named.
        """
        path = str(self._directory / f"ckpt-{step}")
        try:
            self._directory.mkdir(exist_ok=True)
            self._checkpoint.write(path)
            # Reads the index back, in case a full disk raised no error.
            tf.train.load_checkpoint(path)
            self._unreadable.discard(path)
            self.latest = path
            keep = self._paths_to_keep(step)
            self._write_list(keep)
        except (tf.errors.OpError, OSError, RuntimeError) as error:
            raise cannot_write(path, self.latest, error) from error
        finally:
            # Left by this save, or by one that was killed.
            for unfinished in self._directory.glob("ckpt-*_temp"):
                shutil.rmtree(unfinished, ignore_errors=True)
        self._delete_others(step, keep)

    def _paths_to_keep(self, step: int) -> list[str]:
        """The newest good ones, oldest first."""
        good = [
            path
            for path in checkpoint_paths(self._stage_dir)
            if step_of(path) <= step
            and path not in self._unreadable
            and pathlib.Path(f"{path}.index").exists()
        ]
        return good[:MAX_TO_KEEP][::-1]

    def _write_list(self, paths: list[str]) -> None:
        """Writes the list of checkpoints that TensorFlow's own functions read."""
        names = [pathlib.Path(path).name for path in paths]
        lines = [f'model_checkpoint_path: "{names[-1]}"']
        lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
        write_atomically(self._directory / LIST_FILE, "\n".join(lines) + "\n")

    def _delete_others(self, step: int, keep: list[str]) -> None:
        for path in checkpoint_paths(self._stage_dir):
            # A later one, which could not be read, is replaced when its step
            # comes again.
            if step_of(path) <= step and path not in keep:
                # The index first: without it the data files are ignored.
                name = pathlib.Path(path).name
                for file in [
                    *self._directory.glob(f"{name}.index"),
                    *self._directory.glob(f"{name}.data-*"),
                ]:
                    file.unlink(missing_ok=True)


def cannot_write(path, last_good, error: Exception) -> UserError:
    """The error to raise when the disk is full or the folder is gone."""
    return UserError(
        f"{path} cannot be written, so the run stops; "
        + (f"the last good checkpoint is {last_good}" if last_good else "there is none")
        + f". Received: {first_line(error)}"
    )


def step_of(path: str) -> int:
    """The step in a checkpoint's name."""
    return int(path.rsplit("-", 1)[1])


def checkpoint_paths(stage_dir) -> list[str]:
    """The paths of all checkpoints in a stage's folder, the newest first.

    Includes one that only the file `checkpoint` names, and one that
    lost its index: their loss must be reported, not overlooked.
    """
    directory = pathlib.Path(stage_dir) / CHECKPOINTS
    steps = {int(step) for step in _named_in_list(directory / LIST_FILE)}
    orphans = set()
    for file in directory.glob("ckpt-*") if os.path.isdir(directory) else ():
        found = FILE_NAME.fullmatch(file.name)
        if found:
            chosen = steps if found[2] == "index" else orphans
            chosen.add(int(found[1]))
    # One alone without an index is a first save that was not finished.
    if steps or len(orphans) > 1:
        steps |= orphans
    return [str(directory / f"ckpt-{step}") for step in sorted(steps)[::-1]]


def _named_in_list(path: pathlib.Path) -> list[bytes]:
    """The step of the checkpoint that is the newest by TensorFlow's list."""
    try:
        text = path.read_bytes()
    except OSError:
        return []
    return NEWEST.findall(text)


def latest_checkpoint(stage_dir) -> str | None:
    """The path of a stage's newest checkpoint, readable or not, else `None`."""
    return next(iter(checkpoint_paths(stage_dir)), None)


def first_readable(stage_dir, read) -> tuple[str | None, set[str]]:
    """Reads the newest checkpoint that can be read.

    Args:
        stage_dir: the stage's folder.
        read: called with a path; raises one of `READ_ERRORS` if it cannot.

    Returns:
        The path that was read, `None` if there is no checkpoint, and those
        that could not be read.

    Raises:
        UserError: if there are checkpoints and none can be read.
    """
    paths = checkpoint_paths(stage_dir)
    for number, path in enumerate(paths):
        try:
            if not pathlib.Path(f"{path}.index").is_file():
                raise FileNotFoundError("its .index is missing")
            read(path)
            return path, set(paths[:number])
        except UserError:
            raise
        except READ_ERRORS as error:
            reason = first_line(error)
            older = paths[number + 1 : number + 2]
            goes_on = f"going back to {older[0]}" if older else "no older one"
            logging.warning("%s: %s; %s", path, reason, goes_on)
    if paths:
        raise UserError(
            f"{pathlib.Path(paths[0]).parent} must hold a checkpoint that can "
            f"be read. Received: {len(paths)} that cannot, the newest: {reason}"
        )
    return None, set()


def load_average(model: keras.Model, stage_dir) -> int:
    """Loads a stage's averaged weights, the ones to evaluate and export.

    Args:
        model: a model of the stage's architecture.
        stage_dir: the stage's folder.

    Returns:
        The checkpoint's step.

    Raises:
        UserError: if there is no checkpoint or it is of another architecture.
    """

    def restore(path):
        status = tf.train.Checkpoint(average=model).read(path)
        status.expect_partial()  # the rest of the run's state is not asked for
        status.assert_existing_objects_matched()

    path, _ = first_readable(stage_dir, restore)
    if path is None:
        raise UserError(
            f"{stage_dir} must hold a checkpoint of a training run. Received: none"
        )
    return step_of(path)
