"""Splits the user's own images into training, validation and test images."""

import hashlib
import logging

import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.data.labelled_images import LabelledImages
from mnist_sum_tf.user_errors import UserError


def split_images(
    labelled: LabelledImages, train_fraction: float, seed: int
) -> dict[str, LabelledImages]:
    """Splits images into those to train, to validate and to test on.

    Args, Raises: as `split_rows`.

    Returns:
        `{"train": ..., "validation": ..., "test": ...}`, each in the order of
        `labelled`.
    """
    rows = split_rows(labelled, train_fraction, seed)
    return {split: take_rows(labelled, chosen) for split, chosen in rows.items()}


def split_rows(
    labelled: LabelledImages, train_fraction: float, seed: int
) -> dict[str, np.ndarray]:
    """Splits images as `split_images` does, and returns their row numbers.

    An image's split depends on the seed and on its pixels' rank among all that are
    given: an image that occurs twice is in one split only, and the order of the
    files does not matter. Adding images moves some to another split.

    Args:
        labelled: at least three different images.
        train_fraction: the share of different images to train on, between 0 and
            1; half of the rest validates, the other half tests. Every split has
            at least one.
        seed: a whole number; another seed splits another way.

    Returns:
        `{"train": ..., "validation": ..., "test": ...}`, ascending.

    Raises:
        UserError: if the fraction is not between 0 and 1, or there are fewer
            than three different images.
    """
    if not 0 < train_fraction < 1:
        raise UserError(
            f"train_fraction must be between 0 and 1. Received: {train_fraction}"
        )
    key = str(seed).encode()
    hashes = [
        hashlib.blake2b(image.tobytes(), digest_size=16, key=key).hexdigest()
        for image in labelled.images
    ]
    # Sorted by its hash, an image's rank is random.
    different, ranks = np.unique(hashes, return_inverse=True)
    _warn_of_contradictions(labelled, ranks)
    if len(different) < 3:
        raise UserError(
            "--images must hold at least 3 different images, to train, "
            f"validate and test on. Received: {len(different)}"
        )
    train = round(len(different) * train_fraction)
    train = min(max(train, 1), len(different) - 2)
    validation = (len(different) - train + 1) // 2
    part = np.digitize(ranks, [train, train + validation])
    return {
        split: np.flatnonzero(part == index)
        for index, split in enumerate(config.SPLITS)
    }


def _warn_of_contradictions(labelled: LabelledImages, ranks: np.ndarray) -> None:
    """Names two equal images that are labelled differently, if there are any."""
    labels = labelled.sums if labelled.digits is None else labelled.digits
    first = {}
    for row, rank in enumerate(ranks):
        other = first.setdefault(rank, row)
        if np.any(labels[row] != labels[other]):
            names = labelled.names or [f"image {i}" for i in range(len(labels))]
            logging.warning(
                "%s and %s are equal images with different labels; one is wrong",
                names[other],
                names[row],
            )
            return


def take_rows(labelled: LabelledImages, rows: np.ndarray) -> LabelledImages:
    """Selects rows of the images and of everything known about them."""
    images, digits, sums, names = labelled
    return LabelledImages(
        images[rows],
        None if digits is None else digits[rows],
        sums[rows],
        None if names is None else [names[row] for row in rows],
    )
