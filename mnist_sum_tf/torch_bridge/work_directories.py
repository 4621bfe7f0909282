"""State dicts to and from work directories."""

import dataclasses
import functools
import pathlib
import tempfile
from collections.abc import Callable

import keras
import numpy as np

from mnist_sum_tf import config, config_check
from mnist_sum_tf.atomic_files import cleaned_up_on_signals
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.torch_bridge import files, state_dicts
from mnist_sum_tf.training import (
    checkpoints,
    history,
    loop,
    precision,
    stage_lock,
    stages,
    strategies,
    trained_models,
)
from mnist_sum_tf.user_errors import UserError


def convert_from_torch(
    path, workdir, settings_of: Callable[[str], config.Config]
) -> config.Config:
    """Writes `workdir/<stage>/` from one of the original's checkpoints.

    Args:
        path: the checkpoint; what it is of shows in its tensors' names.
        workdir: a work directory; that stage must not be in it yet.
        settings_of: stage -> settings to continue training with. The encoder's
            size in them is replaced by the checkpoint's.

    Returns:
        The settings it wrote.

    Raises:
        UserError: if the file is no such checkpoint or the folder is taken.
    """
    state = files.read_state_dict(path)
    stage = state_dicts.stage_of(state, str(path))
    channels = state_dicts.check(state, stage, str(path))
    settings = settings_of(stage)
    if channels is not None:
        settings = _resized(settings, channels)
    write_stage(state, settings, workdir)
    return settings


def convert_to_torch(path, workdir, stage: str | None = None) -> str:
    """Writes a stage's averaged weights as the original's checkpoint.

    Args:
        path: a file that is not there yet.
        workdir: a work directory.
        stage: `"encoder"`, `"decoder"` or `"sum_model"`; by default what evaluation
            takes: the sum model where it was trained, else encoder and decoder put
            together.
            The temperature of its probabilities has no place there.

    Returns:
        The stage.

    Raises:
        UserError: if there is no such stage, or the file cannot be written.
    """
    workdir, stage = pathlib.Path(workdir), stage or "sum_model"
    losses = history.losses_of(history.read_history(workdir / stage))
    files.write_checkpoint(
        path,
        state_dicts.state_dict_of(_trained(workdir, stage)),
        stage,
        # The rate at which the original itself resumes.
        learning_rate=get_preset("original", stage).optimizer.learning_rate,
        loss=losses[-1] if losses else float("nan"),
    )
    return stage


def write_stage(
    state: dict[str, np.ndarray],
    settings: config.Config,
    workdir,
    make_task: Callable[[config.Config], loop.Task] | None = None,
) -> pathlib.Path:
    """Writes weights as step 0 of a training stage, all or nothing.

    Training in the work directory goes on from it with a fresh optimizer.

    Args:
        state: a whole state dict of the stage.
        settings: those of the stage.
        workdir: the folder of the experiment.
        make_task: what training will learn, by default what the scripts do.

    Returns:
        The stage's folder.

    Raises:
        UserError: if training could not go on by these settings, another process trains
            there, or the stage is there already or cannot be written.
    """
    _check(settings)
    stage_dir = pathlib.Path(workdir) / settings.stage
    with stage_lock.locked_directory(stage_dir):
        if stage_lock.is_begun(stage_dir):
            raise UserError(
                f"--workdir must have no {settings.stage} yet; nothing is "
                f"overwritten. Received: {str(workdir)!r}"
            )
        try:
            _write_beside(state, settings, stage_dir, make_task)
        except OSError as error:
            raise stage_lock.unwritable(error) from error
    return stage_dir


def _check(settings: config.Config) -> None:
    """Raises `UserError` for what training would refuse once the folder is there."""
    config_check.check_stage(settings, settings.stage)
    precision.resolve_precision(settings.precision)
    strategies.check_name(settings.strategy)


def _write_beside(state, settings: config.Config, stage_dir, make_task) -> None:
    """Writes a stage in a folder beside its place, then renames it."""
    with (
        cleaned_up_on_signals(),
        tempfile.TemporaryDirectory(
            prefix=f".{settings.stage}.", dir=stage_dir.parent
        ) as beside,
    ):
        # Within, as a temporary folder itself is closed to other users.
        scratch = pathlib.Path(beside) / settings.stage
        make_task = make_task or _task_of(settings.stage, scratch.parent)
        _save(state, settings, scratch, make_task(settings))
        # The place must be empty. From here on another run may lock it, and stays.
        (stage_dir / stage_lock.LOCK_FILE).unlink()
        scratch.rename(stage_dir)


def _task_of(stage: str, workdir: pathlib.Path):
    return {
        "encoder": functools.partial(stages.encoder_task, workdir=workdir),
        "decoder": stages.decoder_task,
        "sum_model": functools.partial(stages.sum_model_task, workdir=workdir),
    }[stage]


def _save(state, settings: config.Config, stage_dir, task: loop.Task) -> None:
    """Lets the training loop begin with these weights and save step 0."""
    keras.utils.set_random_seed(settings.seed)  # of the dropout layers' seeds
    task = dataclasses.replace(
        task, build_model=functools.partial(_model_of, state, settings)
    )
    strategy = strategies.create_strategy("one_device")
    trainer = loop.Trainer(task, settings, stage_dir, strategy, "float32")
    trainer.checkpoints.save(0)


def _model_of(state, settings: config.Config, dtype: str) -> keras.Model:
    size = dataclasses.asdict(settings.model)
    model = decoder = build_decoder()
    if settings.stage != "decoder":
        model = build_encoder(**size | {"normalized": False}, dtype=dtype)
    if settings.stage == "sum_model":
        model = build_sum_model(model, decoder)
    state_dicts.load_into(model, state)
    return model


def _resized(settings: config.Config, channels) -> config.Config:
    size = settings.model.with_channels(channels)
    size = dataclasses.replace(size, normalized=False)
    return dataclasses.replace(settings, model=size)


def _trained(workdir: pathlib.Path, stage: str) -> keras.Model:
    if stage == "sum_model":
        return trained_models.load_sum_model(workdir)
    if stage == "encoder":
        return trained_models.load_encoder(workdir / stage)
    decoder = build_decoder()
    checkpoints.load_average(decoder, workdir / stage)
    return decoder
