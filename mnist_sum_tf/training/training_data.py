"""What a stage learns from, and what it is evaluated on."""

import functools
import logging

from mnist_sum_tf import config
from mnist_sum_tf.data import datasets, image_splits, segments
from mnist_sum_tf.data.digits import digest_of, load_digits
from mnist_sum_tf.data.image_splits import take_rows
from mnist_sum_tf.data.labelled_images import LabelledImages, read_labelled_images
from mnist_sum_tf.user_errors import UserError

VALIDATION_LAYOUTS = ("tiled", "scattered", "assignment", "mixed")


def image_data(settings: config.Config, needs_digits: bool) -> dict:
    """Chooses between composites made on the fly and a person's own images.

    Args:
        settings: of the run.
        needs_digits: whether images must be labelled by digits.

    Returns:
        The fields of a `Task` that describe its data, by name.

    Raises:
        UserError: for files that cannot be used; if the images have no digit
            labels and `needs_digits`.
    """
    if settings.data.images is None:
        return _of_composites(settings)
    if settings.teacher:
        raise UserError(
            "--teacher requires composites: it is shown them before they are "
            f"degraded. Received: --teacher={settings.teacher} with --images"
        )
    if settings.data.mixup_share:
        raise UserError(
            "--mixup_share requires composites. "
            f"Received: --mixup_share={settings.data.mixup_share} with --images"
        )
    return _of_own_images(settings, needs_digits)


def has_digit_labels(data: dict) -> bool:
    """Whether all validation data of `image_data` have digit labels."""
    return all(
        "digits" in dataset.element_spec[1]
        for dataset in data["validation_data"].values()
    )


def _of_composites(settings: config.Config) -> dict:
    data = settings.data
    digits = load_digits(data.digits, "train", data.tfds_data_dir)
    return {
        "train_data": functools.partial(
            datasets.composites_dataset,
            digits,
            data.layout,
            settings.seed,
            settings.global_batch_size,
            total_steps=settings.total_steps,
            deformed=data.deformed,
            deformation_strength=data.deformation_strength,
            degradation_share=data.degradation_share,
            mixup_share=data.mixup_share,
            keeps_clean=bool(settings.teacher),
        ),
        "validation_data": _validation_composites(data),
        "data_digest": digest_of(digits.images, digits.labels),
    }


def _validation_composites(data: config.DataConfig) -> dict:
    """Name of a layout -> composites of held-out digits."""
    held_out = load_digits(data.digits, "validation", data.tfds_data_dir)
    others = VALIDATION_LAYOUTS if data.validates_all_layouts else ()
    return datasets.evaluation_datasets(held_out, (*others, data.layout))


def cut_image_data(settings: config.Config) -> dict:
    """The user's own images, those whose four digits can be cut apart.

    Args, Returns, Raises: as `image_data`; the images are those of
    `segments.set_apart`. Digits, where known, serve evaluations and are not learned from.
    """
    labelled = _read_own_images(settings.data)
    parts = image_splits.split_images(
        labelled, settings.data.train_fraction, settings.seed
    )
    train, digits = _cut("training", parts["train"], settings)
    held_out, _ = _cut("validation", parts["validation"], settings)
    return {
        "train_data": functools.partial(
            datasets.cut_images_dataset,
            digits,
            train.sums,
            settings.seed,
            settings.global_batch_size,
            total_steps=settings.total_steps,
        ),
        "validation_data": {
            "validation": datasets.once_dataset(held_out, config.EVALUATION_BATCH_SIZE)
        },
        "data_digest": digest_of(labelled.images, labelled.sums),
    }


def _cut(name: str, labelled: LabelledImages, settings: config.Config):
    """The images that can be cut, their digits set in cells; and those digits."""
    rows, digits = segments.cut_images(labelled.images)
    if not len(rows):
        raise UserError(
            "--images must hold some whose four digits stand apart, with blank "
            f"columns between. Received: none among {len(labelled.images)} "
            f"{name} images of {settings.data.images}"
        )
    logging.info(
        "%d of %d %s images fall into four digits",
        len(rows),
        len(labelled.images),
        name,
    )
    chosen = take_rows(labelled, rows)
    return chosen._replace(images=segments.set_apart(digits)[..., 0]), digits


def _read_own_images(data: config.DataConfig) -> LabelledImages:
    if data.images is None:
        raise UserError(
            "--images must be a folder of labelled PNGs, or an .npy file or a folder of "
            "pictures together with --sums. Received: neither"
        )
    return read_labelled_images(data.images, data.sums)


def _of_own_images(settings: config.Config, needs_digits: bool) -> dict:
    data = settings.data
    if needs_digits and data.sums is not None:
        raise UserError(
            "--images must have digit labels to train an encoder, PNGs named by them "
            "(for sums alone there is train_end_to_end.py). Received: "
            f"--images={data.images} --sums={data.sums}"
        )
    labelled = _read_own_images(data)
    parts = image_splits.split_images(labelled, data.train_fraction, settings.seed)
    logging.info(
        "%d images: %d for training, %d for validation, %d left for testing",
        len(labelled.images),
        *(len(part.images) for part in parts.values()),
    )
    held_out = datasets.once_dataset(parts["validation"], config.EVALUATION_BATCH_SIZE)
    return {
        "train_data": functools.partial(
            datasets.repeated_dataset,
            parts["train"],
            settings.seed,
            settings.global_batch_size,
            total_steps=settings.total_steps,
            augmented=data.augmented,
        ),
        "validation_data": {"validation": held_out},
        "data_digest": digest_of(labelled.images, labelled.sums),
        "digits_digest": digest_of(labelled.digits) if needs_digits else None,
    }
