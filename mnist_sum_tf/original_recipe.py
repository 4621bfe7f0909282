"""The original's training, step by step as described, and its tables."""

import dataclasses
import functools
import pathlib
import time

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config, evaluation, evaluation_data, original_tables
from mnist_sum_tf.data import datasets, digit_logits
from mnist_sum_tf.data.digits import digest_of, load_digits
from mnist_sum_tf.data.original_images import (
    NUM_IMAGES,
    write_original_images,
)
from mnist_sum_tf.presets import ORIGINAL_EPOCHS, get_preset
from mnist_sum_tf.torch_bridge import state_dicts, work_directories
from mnist_sum_tf.training import loop, precision, stage_lock, stages
from mnist_sum_tf.training.trained_models import is_trained, steps_taken
from mnist_sum_tf.user_errors import UserError, check_path

REPORT_FILE = "reproduction.json"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of a reproduction.

    Attributes:
        epochs: stage -> epochs; a stage with 0 epochs is not trained.
        seed: of the images, the split, the starting weights, the order.
        precision: one of `config.PRECISIONS`.
        digits, tfds_data_dir: see `load_digits`.
        base_channels: the encoder's size, the original's by default.
        num_images: see `write_original_images`.
        pytorch_start: whether encoder and decoder start from weights drawn as
            PyTorch draws them, which the original did; else as Keras does.
        layouts: layouts of unseen test digits to evaluate the result on.
    """

    epochs: dict[str, int] = dataclasses.field(default_factory=ORIGINAL_EPOCHS.copy)
    seed: int = 0
    precision: str = "auto"
    digits: str = "bundled"
    tfds_data_dir: str | None = None
    base_channels: int = 64
    num_images: dict[str, int] | None = None
    pytorch_start: bool = True
    layouts: tuple[str, ...] = ("tiled", "scattered", "assignment")


def reproduce(recipe: Recipe, workdir) -> dict:
    """Writes the images, trains the stages, reports; a rerun goes on.

    Args:
        recipe: what may be chosen.
        workdir: gets `images/`, a folder for each stage and
            `reproduction.json`.

    Returns:
        What the JSON holds, see `original_tables.make_report`.

    Raises:
        UserError: for settings or files that cannot be used.
    """
    workdir = pathlib.Path(workdir)
    _check(recipe, workdir)
    digits = load_digits(recipe.digits, "train", recipe.tfds_data_dir)
    write_original_images(workdir / "images", digits, recipe.seed, recipe.num_images)
    train = {
        "encoder": stages.train_encoder,
        "decoder": train_decoder,
        "sum_model": stages.train_end_to_end,
    }
    seconds = {}
    for stage, train_stage in train.items():
        started = time.monotonic()
        if recipe.epochs.get(stage):
            settings = settings_of(stage, recipe, workdir)
            if recipe.pytorch_start and stage != "sum_model":
                _start(settings, workdir)
            train_stage(settings, workdir)
        seconds[stage] = round(time.monotonic() - started, 1)
    settings = settings_of("sum_model", recipe, workdir)
    report = original_tables.make_report(settings, workdir, recipe.layouts)
    report["seconds_this_time"] = seconds
    evaluation.write_json(report, workdir / REPORT_FILE, flag="--workdir")
    return report


def _check(recipe: Recipe, workdir: pathlib.Path) -> None:
    """Checks early what would otherwise fail after days of training."""
    check_path(workdir, "workdir")
    evaluation_data.check_layouts(recipe.layouts)
    precision.resolve_precision(recipe.precision)
    has = {"encoder": ("encoder", "sum_model"), "decoder": ("decoder",)}
    for stage, places in has.items():
        there = any(is_trained(workdir / place) for place in places)
        if not (recipe.epochs.get(stage) or there):
            raise UserError(
                f"--{stage}_epochs must be at least 1 until the {stage} is trained. "
                "Received: 0"
            )
        _check_not_too_late(stage, recipe, workdir)


def _check_not_too_late(stage: str, recipe: Recipe, workdir: pathlib.Path) -> None:
    """Refuses to train a stage further that the sum model already includes."""
    if not (recipe.epochs.get(stage) and is_trained(workdir / "sum_model")):
        return
    epoch = settings_of(stage, recipe, workdir).log_every_steps
    done = steps_taken(workdir / stage) // epoch
    if recipe.epochs[stage] > done:
        raise UserError(
            f"--{stage}_epochs must stay {done} once both are trained together, which "
            f"goes on from that {stage}; use another --workdir, or delete "
            f"{workdir / 'sum_model'}. Received: {recipe.epochs[stage]}"
        )


def settings_of(stage: str, recipe: Recipe, workdir) -> config.Config:
    """The preset `original`, on the images in the work directory."""
    preset = get_preset("original", stage)
    images = str(pathlib.Path(workdir).resolve() / "images")
    num_images = sum((recipe.num_images or NUM_IMAGES).values())
    num_images = round(num_images * preset.data.train_fraction)
    epoch = -(-num_images // preset.global_batch_size)  # 157 steps
    return dataclasses.replace(
        preset,
        seed=recipe.seed,
        total_steps=recipe.epochs.get(stage, 0) * epoch,
        log_every_steps=epoch,
        evaluate_every_steps=10 * epoch,
        checkpoint_every_steps=10 * epoch,
        # Rounded to bfloat16, the decoder's loss would stay above 0.001.
        precision="float32" if stage == "decoder" else recipe.precision,
        data=dataclasses.replace(
            preset.data,
            digits=recipe.digits,
            images=images,
            tfds_data_dir=recipe.tfds_data_dir,
        ),
        model=dataclasses.replace(preset.model, base_channels=recipe.base_channels),
    )


def _start(settings: config.Config, workdir: pathlib.Path) -> None:
    """Writes step 0 of a stage that does not exist yet."""
    stage = settings.stage
    if stage_lock.is_begun(workdir / stage):
        return
    state = state_dicts.initial_state(stage, settings.model.channels, settings.seed)
    make_task = _decoder_task if stage == "decoder" else None
    work_directories.write_stage(state, settings, workdir, make_task)


def train_decoder(settings: config.Config, workdir) -> dict:
    """Trains one-hot vectors of the training images' digits -> sum.

    Their 157 steps an epoch are what gives the described losses: over 90 % of
    all combinations, 563 steps, the second epoch ended at 0.4 in place of 26.5.

    Returns, Raises: as `stages.train_decoder`.
    """
    return loop.train_and_evaluate(
        functools.partial(_decoder_task, settings),
        settings,
        pathlib.Path(workdir) / "decoder",
    )


def _decoder_task(settings: config.Config) -> loop.Task:
    parts = original_tables.one_hot_parts(settings)
    digits = np.concatenate([part.digits for part in parts])
    return dataclasses.replace(
        stages.decoder_task(settings),
        train_data=lambda start_step: datasets.repeated_dataset(
            parts[0],
            settings.seed,
            settings.global_batch_size,
            start_step,
            settings.total_steps,
        ).map(_without_channel),
        validation_data={
            "test": datasets.once_dataset(parts[1], config.EVALUATION_BATCH_SIZE).map(
                _without_channel
            ),
            "all_combinations": digit_logits.all_combinations(logit=1.0),
        },
        data_digest=digest_of(digits),
    )


@tf.autograph.experimental.do_not_convert
def _without_channel(vectors, labels):
    return vectors[..., 0], labels
