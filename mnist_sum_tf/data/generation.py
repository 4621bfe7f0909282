"""Composites written to files: labelled PNGs, or `.npy` arrays."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import datasets, png_files
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.data.new_folders import new_folder
from mnist_sum_tf.progress import progress_bar
from mnist_sum_tf.user_errors import UserError

FORMATS = ("png", "npy")
# Least size of an image on disk; a small file takes a whole block.
LEAST_BYTES = {"png": 1024, "npy": config.IMAGE_HEIGHT * config.IMAGE_WIDTH}
# Image i is drawn in batch i // BATCH_SIZE: this number is part of the result.
BATCH_SIZE = 256


def generate(
    digits: Digits,
    layout: str,
    seed: int,
    num_images: int,
    file_format: str,
    output_dir: str,
) -> None:
    """Writes composites of digits drawn with replacement.

    Image i depends on (digits, layout, seed, i) only: a smaller set is a prefix
    of a larger one. One seed draws the same digits in every layout: give each
    folder its own seed. The folder appears once everything is written.

    Args:
        digits: what to draw from.
        layout: one of `config.LAYOUTS`.
        seed: a whole number.
        num_images: how many, at least 1.
        file_format: `"png"`: files `0428_00017.png` (digits, index); `"npy"`:
            `images.npy`, uint8 `[n, 40, 168]`, `digits.npy`, int32 `[n, 4]`,
            and `sums.npy`, int32 `[n]`.
        output_dir: a folder that is empty or not there yet.

    Raises:
        UserError: if an argument is invalid, the images do not fit on the disk, or
            the folder is not empty or cannot be written.
    """
    _check(num_images, file_format)
    _check_fits(num_images, file_format, output_dir)
    write = {"png": _write_pngs, "npy": _write_npy}[file_format]
    batches = _batches(digits, layout, seed, num_images)
    with (
        new_folder(output_dir) as folder,
        progress_bar(total=num_images, unit=" images") as progress,
    ):
        write(_counted(batches, progress), num_images, folder)


def _check(num_images: int, file_format: str) -> None:
    if num_images < 1:
        raise UserError(f"--num_images must be at least 1. Received: {num_images}")
    if file_format not in FORMATS:
        raise UserError(
            f"--format must be one of {', '.join(FORMATS)}. Received: {file_format!r}"
        )


def _check_fits(num_images: int, file_format: str, output_dir: str) -> None:
    """Raises `UserError` if the images would not fit on the disk."""
    needed = num_images * LEAST_BYTES[file_format]
    there = os.path.realpath(output_dir)
    while not os.path.isdir(there):
        there = os.path.dirname(there)
    free = shutil.disk_usage(there).free
    if needed > free:
        raise UserError(
            f"--num_images must fit on the disk. Received: {num_images}, which take "
            f"{needed / 1e6:,.1f} MB or more; {free / 1e6:,.1f} are free"
        )


def _batches(
    digits: Digits, layout: str, seed: int, num_images: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images uint8 `[m, 40, 168]` and their digits int32 `[m, 4]`."""
    num_batches = -(-num_images // BATCH_SIZE)
    batches = datasets.composites_dataset(
        digits, layout, seed, BATCH_SIZE, total_steps=num_batches
    )
    return _cut(batches, seed, num_images)


def _cut(batches: tf.data.Dataset, seed: int, num_images: int):
    rows = tf.range(BATCH_SIZE)
    for step, (images, labels) in enumerate(batches):
        # Layouts may treat the first rows of a batch in their own way (`mixed`
        # degrades them): shuffled, any part of a batch is a fair sample.
        order = tf.random.experimental.index_shuffle(rows, [seed, step], BATCH_SIZE - 1)
        order = order[: num_images - step * BATCH_SIZE]
        images = tf.gather(images[..., 0], order)
        yield images.numpy(), tf.gather(labels["digits"], order).numpy()


def _counted(batches, progress):
    for images, digits in batches:
        yield images, digits
        progress.update(len(images))


def _write_pngs(batches, num_images: int, folder: pathlib.Path) -> None:
    index = 0
    for images, digits in batches:
        for image, label in zip(images, digits):
            png_files.write_png(folder, image, label, index, num_images)
            index += 1


def _write_npy(batches, num_images: int, folder: pathlib.Path) -> None:
    """Writes batch by batch: the images need not fit into memory.

    Not through a memory map: a full disk would kill the process.
    """
    image_shape = config.CANVAS_SHAPE
    with contextlib.ExitStack() as stack:

        def create(name, dtype, *shape):
            header = {
                "descr": np.dtype(dtype).str,
                "fortran_order": False,
                "shape": (num_images, *shape),
            }
            file = stack.enter_context(open(folder / name, "wb"))
            np.lib.format.write_array_header_1_0(file, header)
            return file

        all_images = create("images.npy", np.uint8, *image_shape)
        all_digits = create("digits.npy", np.int32, config.NUM_DIGITS)
        all_sums = create("sums.npy", np.int32)
        for images, digits in batches:
            all_images.write(images.tobytes())
            all_digits.write(digits.astype(np.int32).tobytes())
            all_sums.write(digits.sum(axis=1, dtype=np.int32).tobytes())
