"""The trainings: encoder, decoder, both end to end; a reader of cut images."""

import dataclasses
import functools
import logging
import pathlib

import keras
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.config_check import check_stage
from mnist_sum_tf.data import digit_logits
from mnist_sum_tf.data.layouts import get_layout
from mnist_sum_tf.models.cell_reader import build_cell_reader
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.sum_distribution import with_distribution
from mnist_sum_tf.training import (
    losses,
    strategies,
    teachers,
    trained_models,
    training_data,
)
from mnist_sum_tf.training.loop import train_and_evaluate
from mnist_sum_tf.training.starting_models import (
    starting_encoder,
    starting_sum_model,
)
from mnist_sum_tf.training.task import Task
from mnist_sum_tf.user_errors import UserError


def train_cell_reader(settings: config.Config, workdir) -> dict:
    """Trains cut image -> four digits, from sums; writes `workdir/cell_reader/`.

    Returns, Raises: as `train_encoder`.
    """
    check_stage(settings, "cell_reader")
    return train_and_evaluate(
        functools.partial(cell_reader_task, settings),
        settings,
        pathlib.Path(workdir) / "cell_reader",
    )


def cell_reader_task(settings: config.Config) -> Task:
    """What the cell reader learns: images that could be cut, and their sums."""
    data = training_data.cut_image_data(settings)
    evaluated = ("digit_probabilities",) if training_data.has_digit_labels(data) else ()
    return Task(
        build_model=lambda dtype: with_distribution(build_cell_reader(dtype)),
        build_evaluated=lambda model: model,
        evaluated_outputs=evaluated + ("sum_probabilities",),
        loss=functools.partial(_end_to_end_loss, settings),
        **data,
    )


def train_encoder(settings: config.Config, workdir) -> dict:
    """Trains image -> four digits; writes `workdir/encoder/`.

    Returns:
        The last row of the history.

    Raises:
        UserError: for settings or files that cannot be used.
        MachineLost, TrainingStopped: see `train_and_evaluate`.
    """
    check_stage(settings, "encoder")
    workdir = pathlib.Path(workdir)
    trained_models.warn_of_sum_model(settings, workdir)
    return train_and_evaluate(
        functools.partial(encoder_task, settings, workdir),
        settings,
        workdir / "encoder",
    )


def encoder_task(settings: config.Config, workdir: pathlib.Path | None = None) -> Task:
    """What the encoder learns: images, and the digits in them."""
    stage_dir = workdir and workdir / "encoder"
    teaching = teachers.Teachers(settings)
    data = training_data.image_data(settings, needs_digits=True)

    def build_model(dtype):
        teaching.build(dtype)
        return starting_encoder(settings, data["train_data"], dtype, stage_dir)

    return Task(
        build_model=build_model,
        build_evaluated=with_distribution,
        evaluated_outputs=("digit_probabilities", "sum_probabilities"),
        loss=teaching.loss,
        teacher_digest=teaching.digest,
        **data,
    )


def train_decoder(settings: config.Config, workdir) -> dict:
    """Trains digit logits -> sum; writes `workdir/decoder/`.

    Returns, Raises: as `train_encoder`.
    """
    check_stage(settings, "decoder")
    get_layout(settings.data.layout)  # Raises for an unknown one.
    workdir = pathlib.Path(workdir)
    trained_models.warn_of_sum_model(settings, workdir)
    if settings.precision == "mixed_bfloat16":
        logging.info("the decoder learns in float32, whatever --precision says")
    return train_and_evaluate(
        functools.partial(decoder_task, settings), settings, workdir / "decoder"
    )


def decoder_task(settings: config.Config) -> Task:
    """What the decoder learns: logits made on the fly, and their sum."""
    return Task(
        # Sums accurate to 0.01 need more precision than bfloat16 has.
        build_model=lambda dtype: build_decoder("float32"),
        build_evaluated=lambda decoder: keras.Model(
            decoder.inputs[0], {"sum": decoder.outputs[0]}
        ),
        evaluated_outputs=("sum",),
        loss=lambda labels, sums: losses.squared_error(labels["sum"], sums),
        train_data=functools.partial(
            digit_logits.training_dataset,
            settings.objective,
            settings.seed,
            settings.global_batch_size,
            total_steps=settings.total_steps,
        ),
        validation_data={"all_combinations": digit_logits.all_combinations()},
    )


def train_end_to_end(settings: config.Config, workdir) -> dict:
    """Trains image -> sum; writes `workdir/sum_model/`.

    Starts from `workdir/encoder/` and `workdir/decoder/` where they exist, else
    from the initial model where one is named.

    Returns, Raises: as `train_encoder`.
    """
    check_stage(settings, "sum_model")
    workdir = pathlib.Path(workdir)
    if not settings.train_encoder and (
        settings.objective not in config.THROUGH_DECODER
    ):
        raise UserError(
            "A frozen encoder (--notrain_encoder; with --preset=original "
            "that is the default) requires --objective=regression, in which the "
            f"decoder learns. Received: --objective={settings.objective} "
            f"--preset={settings.preset}"
        )
    if not settings.train_encoder:
        settings = _with_plain_layers(settings)
    return train_and_evaluate(
        functools.partial(sum_model_task, settings, workdir),
        settings,
        workdir / "sum_model",
    )


def _with_plain_layers(settings: config.Config) -> config.Config:
    """Batch normalisation would change a frozen encoder: uses plain layers."""
    model = dataclasses.replace(settings.model, normalized=False)
    return dataclasses.replace(settings, model=model)


def sum_model_task(settings: config.Config, workdir: pathlib.Path) -> Task:
    """What the sum model learns: images, and the sum of their digits."""
    data = training_data.image_data(settings, needs_digits=False)
    if settings.data.images is not None:
        trained_models.warn_of_another_split(
            settings, data["data_digest"], workdir / "encoder"
        )
    evaluated = ("digit_probabilities",) if training_data.has_digit_labels(data) else ()
    return Task(
        build_model=functools.partial(
            starting_sum_model, settings, workdir, data["train_data"]
        ),
        build_evaluated=lambda model: model,
        evaluated_outputs=evaluated + ("sum_probabilities", "sum"),
        loss=functools.partial(_end_to_end_loss, settings),
        learning_variables=lambda model: learning_variables(model, settings),
        **data,
    )


def _end_to_end_loss(settings: config.Config, labels, outputs) -> tf.Tensor:
    if settings.objective in config.THROUGH_DECODER:
        loss = losses.squared_error(labels["sum"], outputs["sum"])
    else:
        loss = losses.sum_negative_log_likelihood(
            labels["sum"], outputs["sum_probabilities"]
        )
    if settings.decorrelation:
        # Slots vary together over the global batch, wherever its rows are.
        loss += settings.decorrelation * losses.slot_covariance(
            strategies.rows_of_all_replicas(outputs["digit_probabilities"])
        )
    return loss


def learning_variables(model: keras.Model, settings: config.Config) -> list:
    """The trainable variables that affect the loss."""
    parts = ["encoder"] if settings.train_encoder else []
    if settings.objective in config.THROUGH_DECODER:
        parts.append("decoder")
    learning = [model.get_layer(part).trainable_variables for part in parts]
    return sum(learning, [])
