"""Evaluation data: composites of unseen digits, or the user's own images."""

import os

import tensorflow as tf

from mnist_sum_tf import config, robustness
from mnist_sum_tf.data import datasets, labelled_images
from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.user_errors import UserError, one_line


def check_layouts(layouts) -> None:
    """Raises a `UserError` unless there are some, and each is one of `LAYOUTS`."""
    unknown = [name for name in layouts if name not in config.LAYOUTS]
    if unknown or not layouts:
        raise UserError(
            f"--layouts must name at least one of {', '.join(config.LAYOUTS)}, and no "
            f"others. Received: {', '.join(map(repr, unknown)) or 'none'}"
        )


def choose_datasets(layouts, data: config.DataConfig, split="test") -> dict:
    """The user's own images where the settings name some, else composites.

    Composites use every digit of the split exactly once per layout.

    Args:
        layouts: names of layouts.
        data: where digits or images come from.
        split: one of `config.SPLITS`.

    Returns:
        Name of the layout or of the images -> `tf.data.Dataset`; labels of a person's
        own images hold `"name"`, too.

    Raises:
        UserError: if the images or digits cannot be used.
    """
    if data.images is not None:
        labelled = labelled_images.read_labelled_images(data.images, data.sums)
        name = one_line(os.fspath(data.images))
        return {name: _with_names(labelled)}
    digits = load_digits(data.digits, split, data.tfds_data_dir)
    return datasets.evaluation_datasets(digits, layouts)


def _with_names(labelled) -> tf.data.Dataset:
    """All images once, their labels with `"name"`, string `[batch]`, of their files."""
    names = labelled.names or [f"number {row}" for row in range(len(labelled.images))]
    size = config.EVALUATION_BATCH_SIZE
    names = tf.data.Dataset.from_tensor_slices([*map(os.fsencode, names)]).batch(size)

    def add(images_and_labels, names):
        images, labels = images_and_labels
        return images, labels | {"name": names}

    return tf.data.Dataset.zip(datasets.once_dataset(labelled, size), names).map(
        tf.autograph.experimental.do_not_convert(add)
    )


def choose_corrupted(data: config.DataConfig, split="test") -> dict:
    """Composites of a split, clean and corrupted, see `corrupted_datasets`.

    Raises:
        UserError: if the digits cannot be used.
    """
    digits = load_digits(data.digits, split, data.tfds_data_dir)
    return robustness.corrupted_datasets(digits, config.EVALUATION_BATCH_SIZE)
