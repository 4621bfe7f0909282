"""The three trainings: encoder, decoder, and both end to end."""

import dataclasses
import functools
import hashlib
import pathlib

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import datasets, digit_logits
from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.sum_distribution import build_sum_distribution
from mnist_sum_tf.training import losses
from mnist_sum_tf.training.loop import train_and_evaluate
from mnist_sum_tf.training.starting_models import (
    starting_encoder,
    starting_sum_model,
)
from mnist_sum_tf.training.task import Task

VALIDATION_LAYOUTS = ("tiled", "scattered", "assignment", "mixed")
EVALUATION_BATCH_SIZE = 250
EVALUATION_SEED = 0


def train_encoder(settings: config.Config, workdir) -> dict:
    """Trains image -> four digits; writes `workdir/encoder/`.

    Returns:
        The last row of the history.

    Raises:
        UserError: for settings or files that cannot be used.
    """
    return train_and_evaluate(
        functools.partial(encoder_task, settings), settings,
        pathlib.Path(workdir) / "encoder",
    )  # fmt: skip


def encoder_task(settings: config.Config) -> Task:
    """What the encoder learns: images, and the digits in them."""
    data = image_data(settings, needs_digits=True)
    return Task(
        build_model=functools.partial(
            starting_encoder, settings, data["train_data"]
        ),
        build_judged=_with_distribution,
        judged_outputs=("digit_probabilities", "sum_probabilities"),
        loss=lambda labels, logits: losses.digit_cross_entropy(
            labels["digits"], logits
        ),
        **data,
    )


def train_decoder(settings: config.Config, workdir) -> dict:
    """Trains digit logits -> sum; writes `workdir/decoder/`.

    Returns, Raises: as `train_encoder`.
    """
    return train_and_evaluate(
        functools.partial(decoder_task, settings), settings,
        pathlib.Path(workdir) / "decoder",
    )  # fmt: skip


def decoder_task(settings: config.Config) -> Task:
    """What the decoder learns: logits made on the fly, and their sum."""
    return Task(
        # Sums to a hundredth need more digits than bfloat16 has.
        build_model=lambda dtype: build_decoder("float32"),
        build_judged=lambda decoder: keras.Model(
            decoder.inputs, {"sum": decoder.outputs[0]}
        ),
        judged_outputs=("sum",),
        loss=lambda labels, sums: losses.squared_error(labels["sum"], sums),
        train_data=functools.partial(
            digit_logits.training_dataset, settings.objective, settings.seed,
            settings.global_batch_size, total_steps=settings.total_steps,
        ),
        validation_data={"all_combinations": digit_logits.all_combinations()},
    )  # fmt: skip


def train_end_to_end(settings: config.Config, workdir) -> dict:
    """Trains image -> sum; writes `workdir/sum_model/`.

    Starts from `workdir/encoder/` and `workdir/decoder/` where they exist, else
    from the initial model where one is named.

    Returns, Raises: as `train_encoder`.
    """
    workdir = pathlib.Path(workdir)
    if not settings.train_encoder and settings.objective != "regression":
        raise config.UserError(
            "--notrain_encoder must go with --objective=regression, in which the "
            f"decoder learns. Received: --objective={settings.objective}"
        )
    if not settings.train_encoder:
        settings = _with_plain_layers(settings)
    return train_and_evaluate(
        functools.partial(sum_model_task, settings, workdir), settings,
        workdir / "sum_model",
    )  # fmt: skip


def _with_plain_layers(settings: config.Config) -> config.Config:
    """Statistics of batches would change an encoder that is not to learn."""
    model = dataclasses.replace(settings.model, normalized=False)
    return dataclasses.replace(settings, model=model)


def sum_model_task(settings: config.Config, workdir: pathlib.Path) -> Task:
    """What the sum model learns: images, and the sum of their digits."""
    data = image_data(settings, needs_digits=False)
    knows_digits = _knows_digits(data["validation_data"])
    judged = ("digit_probabilities",) if knows_digits else ()
    return Task(
        build_model=functools.partial(
            starting_sum_model, settings, workdir, data["train_data"]
        ),
        build_judged=lambda model: model,
        judged_outputs=judged + ("sum_probabilities", "sum"),
        loss=functools.partial(_end_to_end_loss, settings),
        trains=lambda model: learning_variables(model, settings),
        **data,
    )


def _end_to_end_loss(settings: config.Config, labels, outputs) -> tf.Tensor:
    if settings.objective == "regression":
        loss = losses.squared_error(labels["sum"], outputs["sum"])
    else:
        loss = losses.sum_negative_log_likelihood(
            labels["sum"], outputs["sum_probabilities"]
        )
    if settings.decorrelation:
        loss += settings.decorrelation * losses.slot_correlation(
            outputs["digit_probabilities"]
        )
    return loss


def image_data(settings: config.Config, needs_digits: bool) -> dict:
    """Chooses between composites made on the fly and a person's own images.

    Returns:
        What a `Task` says of its data, by the names it has there.

    Raises:
        UserError: if the images have no digit labels and `needs_digits`.
    """
    data, seed = settings.data, settings.seed
    batch_size, total_steps = settings.global_batch_size, settings.total_steps
    if data.images is None:
        train = load_digits(data.digits, "train", data.tfds_data_dir)
        held_out = load_digits(data.digits, "validation", data.tfds_data_dir)
        train_data = functools.partial(
            datasets.composites_dataset, train, data.layout, seed, batch_size,
            total_steps=total_steps, bent=data.bent, worn=data.worn,
            bend_strength=data.bend_strength, wear_share=data.wear_share,
        )  # fmt: skip
        layouts = VALIDATION_LAYOUTS
        if not data.validates_all_layouts:
            layouts = (data.layout,)
        return {
            "train_data": train_data,
            "validation_data": {
                layout: datasets.evaluation_dataset(
                    held_out, layout, EVALUATION_SEED, EVALUATION_BATCH_SIZE
                )
                for layout in layouts
            },
            "data_digest": _digest(train.images, train.labels),
        }
    labelled = datasets.read_labelled_images(data.images, data.sums)
    if needs_digits and labelled.digits is None:
        raise config.UserError(
            "--images must have digit labels to train an encoder (for sums "
            f"alone there is train_end_to_end.py). Received: {data.images}"
        )
    parts = datasets.split_images(labelled, data.train_fraction, seed)
    train_data = functools.partial(
        datasets.repeated_dataset, parts["train"], seed, batch_size,
        total_steps=total_steps, augmented=data.augmented,
    )  # fmt: skip
    held_out = datasets.once_dataset(parts["validation"], EVALUATION_BATCH_SIZE)
    return {
        "train_data": train_data,
        "validation_data": {"validation": held_out},
        "data_digest": _digest(labelled.images, labelled.sums),
    }


def _digest(*arrays) -> str:
    """A name for these very numbers."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(memoryview(np.ascontiguousarray(array)).cast("B"))
    return digest.hexdigest()[:16]


def _with_distribution(encoder: keras.Model) -> keras.Model:
    outputs = build_sum_distribution()(encoder.outputs[0])
    return keras.Model(encoder.inputs, outputs, name="judged_encoder")


def learning_variables(model: keras.Model, settings: config.Config) -> list:
    """The variables that reach the loss and may learn."""
    parts = ["encoder"] if settings.train_encoder else []
    if settings.objective == "regression":
        parts.append("decoder")
    learning = [model.get_layer(part).trainable_variables for part in parts]
    return sum(learning, [])


def _knows_digits(validation_data) -> bool:
    return all(
        "digits" in dataset.element_spec[1]
        for dataset in validation_data.values()
    )
