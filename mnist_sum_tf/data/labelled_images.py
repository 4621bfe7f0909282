"""The user's own images and their labels: PNG folders, `.npy` pairs, pictures."""

import os
import pathlib
import tokenize
from typing import NamedTuple

import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.data.picture_tables import read_picture_table
from mnist_sum_tf.data.png_files import digits_of, find_pngs, read_png
from mnist_sum_tf.data.white_ink import check_white_ink
from mnist_sum_tf.user_errors import UserError, first_line

# Rows of an array that are checked or converted at a time.
CHUNK = 1024


class LabelledImages(NamedTuple):
    """Images and their labels.

    Attributes:
        images: uint8 `[n, 40, 168]`, white ink (255) on black (0).
        digits: int32 `[n, 4]`, in reading order; `None` where only the sums are
            known.
        sums: int32 `[n]`, 0 to 36.
        names: the images' file names; `None` where they have none.
    """

    images: np.ndarray
    digits: np.ndarray | None
    sums: np.ndarray
    names: list[str] | None


def read_labelled_images(images: str, sums: str | None) -> LabelledImages:
    """Reads images and their labels, in one of three forms.

    Args:
        images: a folder of labelled PNGs; a folder of any pictures, whose sums are in
            a table; or the path of an `.npy`.
        sums: `None` for labelled PNGs; the path of the pictures' `.csv`, see
            `read_picture_table`, or of the `.npy` of sums.

    Raises:
        UserError: if the two do not match, cannot be read, or PNGs or arrays
            show dark ink on light paper (pictures are inverted where they must be)
            or no ink at all.
    """
    is_folder = os.path.isdir(images)
    is_table = sums is not None and os.fspath(sums).lower().endswith(".csv")
    if is_folder and is_table:
        pictures, their_sums, names = read_picture_table(images, sums)
        return LabelledImages(pictures, None, their_sums, names)
    if sums is not None and is_folder or is_table:
        raise UserError(
            "--sums must be a .csv file beside a folder of pictures, and an .npy file "
            f"beside an .npy file. Received: --images={images} --sums={sums}"
        )
    if not is_folder and sums is None:
        raise UserError(
            "--images must be a folder of labelled PNGs, or an .npy file or a folder of "
            f"pictures together with --sums. Received: {images!r} alone"
        )
    labelled = read_png_folder(images) if is_folder else read_npy_pair(images, sums)
    check_white_ink(f"--images={images}", labelled.images)
    return labelled


def read_png_folder(path: str) -> LabelledImages:
    """Reads every PNG in a folder and in the folders within it.

    The first four characters of a file's name are its digits: `0428.png`,
    `0428_00017.png`. Hidden files and other kinds of files are passed over.

    Args:
        path: the folder.

    Returns:
        All images, sorted by path; `names` are paths relative to the folder.

    Raises:
        UserError: if there is no such folder or no PNG in it, or a PNG has no
            label, is not 168x40, or cannot be read.
    """
    folder = pathlib.Path(path)
    if not os.path.isdir(folder):
        raise UserError(
            f"--images must be a folder of labelled PNGs. Received: {path!r}"
        )
    names = find_pngs(folder)
    if not names:
        raise UserError(
            "--images must be a folder with PNGs in it, such as 0428.png (predict.py "
            "--output_dir makes them from other pictures; to learn from sums, add "
            "--sums=sums.csv). "
            f"Received: {path!r}, which holds none"
        )
    # Labels first: a wrong name is found before thousands of files are read.
    digits = np.array([digits_of(folder / name) for name in names], np.int32)
    sums = digits.sum(axis=1, dtype=np.int32)
    images = np.empty((len(names), *config.CANVAS_SHAPE), np.uint8)
    for row, name in enumerate(names):
        images[row] = read_png(folder / name)
    return LabelledImages(images, digits, sums, names)


def read_npy_pair(images_path: str, sums_path: str) -> LabelledImages:
    """Reads an `.npy` of images and the `.npy` of their sums.

    Args:
        images_path: `[n, 40, 168]` or `[n, 40, 168, 1]`, whole numbers 0 to 255, or
            floats 0 to 1 or 0 to 255. uint8 stays on the disk (memory-mapped),
            anything else is converted, rounded to the nearest.
        sums_path: `[n]`, whole numbers 0 to 36, of any type.

    Raises:
        UserError: if a file is missing, is no `.npy`, holds pickled objects, or
            the arrays are not as described or of different lengths.
    """
    images = _open_npy("--images", images_path)
    sums = _open_npy("--sums", sums_path)
    if images.ndim == 4 and images.shape[-1] == 1:  # as models take them
        images = images[..., 0]
    if images.shape[1:] != config.CANVAS_SHAPE or not len(images):
        raise UserError(
            f"--images={images_path} must have the shape [n, 40, 168], n at least 1. "
            f"Received: {list(images.shape)}"
        )
    if sums.shape != images.shape[:1]:
        raise UserError(
            f"--sums={sums_path} must have the shape [{len(images)}], a sum "
            f"for each image. Received: {list(sums.shape)}"
        )
    sums = _checked_sums(sums_path, sums)
    return LabelledImages(_to_uint8(images_path, images), None, sums, None)


def _open_npy(flag: str, path: str) -> np.ndarray:
    """Maps an `.npy` of numbers into memory."""
    expected = f"{flag}={path} must be an .npy file of numbers."
    if not os.path.isfile(path):
        raise UserError(f"{expected} Received: no such file")
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (
        EOFError,
        MemoryError,
        OSError,
        OverflowError,
        SyntaxError,
        TypeError,
        ValueError,
        tokenize.TokenError,
    ) as error:
        raise UserError(f"{expected} Received: {first_line(error)}") from error
    if array.dtype.kind not in "iuf":
        raise UserError(f"{expected} Received: {array.dtype}")
    return array


def _checked_sums(path: str, sums: np.ndarray) -> np.ndarray:
    limit = config.NUM_SUMS - 1
    # A NaN fails every comparison.
    right = (sums >= 0) & (sums <= limit) & (sums == np.floor(sums))
    if not right.all():
        row = int(np.argmin(right))
        raise UserError(
            f"--sums={path} must be whole numbers 0 to {limit}. "
            f"Received: {sums[row]} at index {row}"
        )
    return sums.astype(np.int32)


def _to_uint8(path: str, images: np.ndarray) -> np.ndarray:
    """Converts pixels of any numeric type, a chunk at a time."""
    if images.dtype == np.uint8:
        return images
    chunks = range(0, len(images), CHUNK)
    largest = 0
    for start in chunks:
        chunk = images[start : start + CHUNK]
        right = (chunk >= 0) & (chunk <= 255)
        if not right.all():
            row, *_ = np.argwhere(~right)[0]
            raise UserError(
                f"--images={path} must be numbers 0 to 1 or 0 to 255. "
                f"Received: {chunk[~right][0]} in image {start + row}"
            )
        largest = max(largest, chunk.max())
    scale = 255 if images.dtype.kind == "f" and largest <= 1 else 1
    converted = np.empty(images.shape, np.uint8)
    for start in chunks:
        chunk = images[start : start + CHUNK].astype(np.float64)
        converted[start : start + CHUNK] = np.rint(chunk * scale)
    return converted
