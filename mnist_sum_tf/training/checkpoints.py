"""Checkpoints: save all that training is, restore it or say why not."""

import json
import logging
import pathlib

import keras
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.training.history import write_whole

CHECKPOINTS = "checkpoints"
CONFIG_FILE = "config.json"
MAX_TO_KEEP = 3
# Settings that may differ between a run and its continuation: they change how
# long and on what it runs, not what is learned.
FREE_SETTINGS = (
    "preset", "total_steps", "precision", "strategy", "checkpoint_every_steps",
    "evaluate_every_steps", "log_every_steps", "data.tfds_data_dir",
)  # fmt: skip
# What TensorFlow raises for files that are cut, changed, gone or foreign.
READ_ERRORS = (
    tf.errors.OpError, AssertionError, IndexError, KeyError, RuntimeError,
    ValueError,
)  # fmt: skip


def seed_states(model: keras.Model) -> list[tf.Variable]:
    """The dropout layers' seed states, which Keras does not count as weights.

    Without them a resumed run would draw other masks than one that was not
    stopped.
    """
    weights = {id(weight) for weight in model.weights}
    return [v.value for v in model.variables if id(v) not in weights]


def make_checkpoint(model, average, optimizer, loss_metric) -> tf.train.Checkpoint:
    """Gathers everything that the rest of a run depends on.

    Args:
        model: the model that learns.
        average: the model that holds the average of its weights.
        optimizer: a built Keras optimizer; its iterations are the step.
        loss_metric: the running mean of the loss since the last logged row.
    """
    return tf.train.Checkpoint(
        model=model,
        average=average,
        optimizer=optimizer,
        loss_metric=loss_metric.variables,
        seeds=seed_states(model),
    )


def make_manager(checkpoint, stage_dir, step_counter):
    """A manager of `stage_dir/checkpoints/ckpt-<step>.index` and companions."""
    return tf.train.CheckpointManager(
        checkpoint,
        str(pathlib.Path(stage_dir) / CHECKPOINTS),
        max_to_keep=MAX_TO_KEEP,
        step_counter=step_counter,
        checkpoint_name="ckpt",
    )


def restore_latest(checkpoint, manager) -> str | None:
    """Restores the newest checkpoint that can be read.

    Returns:
        Its path, or `None` where there is no checkpoint at all.

    Raises:
        UserError: if there are checkpoints and none can be read.
    """
    paths = list(reversed(manager.checkpoints))
    for number, path in enumerate(paths):
        try:
            checkpoint.restore(path).assert_consumed()
            return path
        except READ_ERRORS as error:
            reason = str(error).splitlines()[0]
            older = paths[number + 1 : number + 2]
            goes_on = f"going back to {older[0]}" if older else "no older one"
            logging.warning("%s: %s; %s", path, reason, goes_on)
    if paths:
        raise config.UserError(
            f"{pathlib.Path(paths[0]).parent} must hold a checkpoint that can be "
            f"read. Received: {len(paths)} that cannot"
        )
    return None


def latest_checkpoint(stage_dir) -> str | None:
    """The path of a stage's newest checkpoint, `None` where it has none."""
    return tf.train.latest_checkpoint(str(pathlib.Path(stage_dir) / CHECKPOINTS))


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
    path = latest_checkpoint(stage_dir)
    if path is None:
        raise config.UserError(
            f"{stage_dir} must hold a checkpoint of a training run. Received: none"
        )
    try:
        status = tf.train.Checkpoint(average=model).restore(path)
        status.expect_partial()  # the rest of the run's state is not asked for
        status.assert_existing_objects_matched()
    except READ_ERRORS as error:
        raise config.UserError(
            f"{path} must hold the weights of {model.name!r}. "
            f"Received: {str(error).splitlines()[0]}"
        ) from error
    return int(path.rsplit("-", 1)[1])


def claim_directory(stage_dir, settings: config.Config) -> None:
    """Writes a new stage's settings, or checks that an old one's are the same.

    Raises:
        UserError: if the folder cannot be written, or holds another experiment;
            the differing settings are named.
    """
    path = pathlib.Path(stage_dir) / CONFIG_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            text = json.dumps(settings.to_json(), indent=2) + "\n"
            write_whole(path, text)
            return
    except OSError as error:
        raise config.UserError(
            f"--workdir must be a folder that can be written. Received: {error}"
        ) from error
    _check_same(path, _flatten(read_settings(path)), _flatten(settings.to_json()))


def _check_same(path, old: dict, new: dict) -> None:
    differing = [
        f"{key} {old.get(key)!r} there, {new.get(key)!r} here"
        for key in sorted(old.keys() | new.keys())
        if key not in FREE_SETTINGS and old.get(key) != new.get(key)
    ]
    if differing:
        raise config.UserError(
            f"{path} must be of this very experiment; take another --workdir. "
            f"Received: {'; '.join(differing)}"
        )


def read_settings(path) -> dict:
    """Reads a `config.json`.

    Raises:
        UserError: if it is missing or is not JSON.
    """
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise config.UserError(
            f"{path} must be the settings of a training run. Received: {error}"
        ) from error


def _flatten(settings: dict, prefix: str = "") -> dict:
    flat = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
