"""Evaluation data for robustness to corruptions, see `data/corruptions.py`."""

import numpy as np
import tensorflow as tf

from mnist_sum_tf.config import EVALUATION_SEED
from mnist_sum_tf.data import datasets
from mnist_sum_tf.data.corruptions import (
    DIGIT_CORRUPTIONS,
    IMAGE_CORRUPTIONS,
    corrupt_digits,
    corrupt_images,
)
from mnist_sum_tf.data.digits import Digits

# Digits at MNIST's own size, none touching another.
LAYOUT = "separate"
CLEAN = "clean"
MEAN = "mean of the corruptions"


def corrupted_datasets(digits: Digits, batch_size: int) -> dict:
    """The same composites, clean and with each of the corruptions.

    Args:
        digits: unseen ones; each is used once per corruption.
        batch_size: images per batch.

    Returns:
        Name -> `tf.data.Dataset`, `CLEAN` first.
    """
    clean = datasets.evaluation_dataset(digits, LAYOUT, EVALUATION_SEED, batch_size)
    images, labels = _joined(clean)
    found = {CLEAN: _batched(images, labels, batch_size)}
    for name in DIGIT_CORRUPTIONS:
        spoiled = corrupt_digits(digits.images, name, EVALUATION_SEED)
        found[name] = datasets.evaluation_dataset(
            digits._replace(images=spoiled), LAYOUT, EVALUATION_SEED, batch_size
        )
    for name in IMAGE_CORRUPTIONS:
        spoiled = corrupt_images(images, name, EVALUATION_SEED)
        found[name] = _batched(spoiled, labels, batch_size)
    return found


def _batched(images, labels: dict, batch_size: int) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size)


def _joined(dataset: tf.data.Dataset) -> tuple[np.ndarray, dict]:
    """All batches of a data set as one."""
    batches = list(dataset.as_numpy_iterator())
    images = np.concatenate([images for images, _ in batches])
    labels = {
        key: np.concatenate([labels[key] for _, labels in batches])
        for key in batches[0][1]
    }
    return images, labels


def with_mean(results: dict) -> dict:
    """Adds the mean of every metric over the corruptions, `CLEAN` left out.

    Args:
        results: see `evaluation.evaluate_model`.
    """
    corrupted = [each for name, each in results.items() if name != CLEAN]
    mean = {
        key: float(np.mean([each[key] for each in corrupted])) for key in corrupted[0]
    }
    total = sum(each["num_images"] for each in corrupted)
    return {**results, MEAN: {**mean, "num_images": total}}
