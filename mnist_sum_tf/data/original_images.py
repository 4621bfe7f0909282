"""Recreates the images that the original was trained on."""

import json
import pathlib
import tempfile

import numpy as np
from PIL import Image

from mnist_sum_tf import config
from mnist_sum_tf.atomic_files import cleaned_up_on_signals
from mnist_sum_tf.data import datasets
from mnist_sum_tf.data.digits import Digits, digest_of
from mnist_sum_tf.user_errors import UserError, first_line, os_errors_as_user_errors

# The original's two generators, and how many images each produced.
NUM_IMAGES = {"scattered": 2_021, "tiled": 754}
BATCH_SIZE = 256
MADE_FROM_FILE = "made_from.json"


def write_original_images(
    folder, digits: Digits, seed: int = 0, num_images: dict | None = None
) -> None:
    """Writes `folder/scattered/0428.png`, ..., `folder/tiled/...`, all or none.

    An image is named by its digits alone, so that a repeated number overwrites
    an earlier one, as the original's did. Does nothing where the folder holds them.

    Args:
        folder: where to.
        digits: what to draw from.
        seed: a whole number.
        num_images: images by layout, `NUM_IMAGES` by default.

    Raises:
        UserError: if the folder cannot be written or holds other images, or the digits
            have too few classes to form that many distinct numbers.
    """
    folder = pathlib.Path(folder)
    num_images = num_images or NUM_IMAGES
    made_from = {
        "seed": seed,
        "digits_digest": digest_of(digits.images, digits.labels),
        "num_images": num_images,
    }
    try:
        is_there = folder.exists() and any(folder.iterdir())
    except OSError as error:
        raise UserError(
            f"{folder} must be a folder that can be read. Received: {error}"
        ) from error
    if is_there:
        return _check_same(folder, made_from)
    _check_numbers(digits, max(num_images.values()))
    with os_errors_as_user_errors(folder, "--workdir"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (
            cleaned_up_on_signals(),
            tempfile.TemporaryDirectory(dir=folder.parent) as beside,
        ):
            images = pathlib.Path(beside) / "images"
            for number, (layout, count) in enumerate(num_images.items()):
                # Layouts share their digits under one seed.
                drawn = _distinct(digits, layout, 2 * seed + number, count)
                _write_pngs(images / layout, drawn)
            (images / MADE_FROM_FILE).write_text(json.dumps(made_from))
            images.rename(folder)


def _check_same(folder: pathlib.Path, made_from: dict) -> None:
    """Raises `UserError` for another seed, other digits or another number of images."""
    path = folder / MADE_FROM_FILE
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:  # made by hand, or before this file was written
        return
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} must say what the images were made from. "
            f"Received: {first_line(error)}"
        ) from error
    if found != made_from:
        raise UserError(
            f"{folder} must hold images made from {made_from}; take another --workdir. "
            f"Received: images made from {found}"
        )


def _check_numbers(digits: Digits, count: int) -> None:
    num_classes = len(np.unique(digits.labels))
    num_numbers = num_classes**config.NUM_DIGITS
    if num_numbers < count:
        raise UserError(
            f"--digits must make {count} numbers of four digits. Received: "
            f"{num_classes} different digits, which make {num_numbers}"
        )


def _distinct(
    digits: Digits, layout: str, seed: int, count: int
) -> dict[str, np.ndarray]:
    """The last image drawn of each number, until `count` numbers were drawn."""
    found = {}
    for images, labels in datasets.composites_dataset(digits, layout, seed, BATCH_SIZE):
        for image, four in zip(images.numpy(), labels["digits"].numpy()):
            found["".join(map(str, four))] = image[..., 0]
            if len(found) == count:
                return found


def _write_pngs(folder: pathlib.Path, images: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for name, image in images.items():
        Image.fromarray(image).save(folder / f"{name}.png")
