"""What a stage learns from, and what it is judged on."""

import functools
import hashlib

import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.data import datasets
from mnist_sum_tf.data.digits import Digits, load_digits
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.training.hard_digits import emphasise_hard_digits
from mnist_sum_tf.training.initial_weights import (
    set_initial_weights,
    size_of_exported,
)

VALIDATION_LAYOUTS = ("tiled", "scattered", "assignment", "mixed")
EVALUATION_BATCH_SIZE = 250
EVALUATION_SEED = 0


def of_images(settings: config.Config, needs_digits: bool) -> dict:
    """Chooses between composites made on the fly and a person's own images.

    Returns:
        What a `Task` says of its data, by the names it has there.

    Raises:
        UserError: for files that cannot be used; if the images have no digit
            labels and `needs_digits`.
    """
    if settings.data.images is None:
        return _of_composites(settings)
    return _of_own_images(settings, needs_digits)


def knows_digits(data: dict) -> bool:
    """Whether all of what `of_images` returned is labelled by digits."""
    return all(
        "digits" in dataset.element_spec[1]
        for dataset in data["validation_data"].values()
    )


def _of_composites(settings: config.Config) -> dict:
    data = settings.data
    train = _train_digits(settings)
    held_out = load_digits(data.digits, "validation", data.tfds_data_dir)
    layouts = VALIDATION_LAYOUTS if data.validates_all_layouts else (data.layout,)
    return {
        "train_data": functools.partial(
            datasets.composites_dataset, train, data.layout, settings.seed,
            settings.global_batch_size, total_steps=settings.total_steps,
            bent=data.bent, worn=data.worn, bend_strength=data.bend_strength,
            wear_share=data.wear_share,
        ),
        "validation_data": {
            layout: datasets.evaluation_dataset(
                held_out, layout, EVALUATION_SEED, EVALUATION_BATCH_SIZE
            )
            for layout in layouts
        },
        "data_digest": _digest(train.images, train.labels),
    }  # fmt: skip


def _train_digits(settings: config.Config) -> Digits:
    data = settings.data
    digits = load_digits(data.digits, "train", data.tfds_data_dir)
    if not data.hard_share:
        return digits
    if not settings.initial_model:
        raise config.UserError(
            "A hard_share must go with an initial_model, which says what is hard. "
            f"Received: {data.hard_share} alone"
        )
    size = size_of_exported(settings.model, settings.initial_model)
    encoder = build_encoder(block_channels=size.channels)
    set_initial_weights(encoder, settings.initial_model)
    return emphasise_hard_digits(digits, encoder, data.hard_share)


def _of_own_images(settings: config.Config, needs_digits: bool) -> dict:
    data = settings.data
    labelled = datasets.read_labelled_images(data.images, data.sums)
    if needs_digits and labelled.digits is None:
        raise config.UserError(
            "--images must have digit labels to train an encoder (for sums "
            f"alone there is train_end_to_end.py). Received: {data.images}"
        )
    parts = datasets.split_images(labelled, data.train_fraction, settings.seed)
    held_out = datasets.once_dataset(parts["validation"], EVALUATION_BATCH_SIZE)
    return {
        "train_data": functools.partial(
            datasets.repeated_dataset, parts["train"], settings.seed,
            settings.global_batch_size, total_steps=settings.total_steps,
            augmented=data.augmented,
        ),
        "validation_data": {"validation": held_out},
        "data_digest": _digest(labelled.images, labelled.sums),
    }  # fmt: skip


def _digest(*arrays) -> str:
    """A name for these very numbers."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(memoryview(np.ascontiguousarray(array)).cast("B"))
    return digest.hexdigest()[:16]
