"""PNGs of 168x40 pixels whose names begin with their four digits."""

import logging
import os
import pathlib
import re
import warnings

import numpy as np
import tensorflow as tf
from PIL import Image

from mnist_sum_tf import config
from mnist_sum_tf.data import picture_files, picture_headers
from mnist_sum_tf.user_errors import UserError

OPAQUE = 255


def find_pngs(folder: pathlib.Path) -> list[str]:
    """Paths of all PNGs, relative to a folder, sorted; logs how many other pictures.

    Follows links to folders; skips hidden files and folders.

    Raises:
        UserError: if a folder within it cannot be read, or a link leads nowhere.
    """
    found, others, entered = [], 0, set()
    for root, folders, files in os.walk(
        folder, onerror=_refuse_unreadable, followlinks=True
    ):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if os.path.realpath(root) in entered:
            folders.clear()
            continue
        entered.add(os.path.realpath(root))
        seen = [name for name in files if not name.startswith(".")]
        pictures = [path for path in map(pathlib.Path, seen) if _is_picture(path)]
        paths = [root / path for path in pictures if path.suffix.lower() == ".png"]
        others += len(pictures) - len(paths)
        found += [
            path.relative_to(folder).as_posix() for path in paths if _is_file(path)
        ]
    if others:
        logging.info("%d other pictures in %s are skipped: not PNGs", others, folder)
    return sorted(found)


def _refuse_unreadable(error: OSError) -> None:
    raise UserError(
        f"{error.filename}: the folder cannot be read. Received: {error.strerror}"
    ) from error


def _is_picture(path: pathlib.Path) -> bool:
    return path.suffix.lower() in picture_headers.SUFFIXES


def _is_file(path: pathlib.Path) -> bool:
    if path.is_symlink() and not path.exists():
        raise UserError(
            f"{path} must be a PNG. Received: a link to {os.readlink(path)}, which is "
            "not there"
        )
    return path.is_file()


def digits_of(path: pathlib.Path) -> list[int]:
    """The four digits that a file's name begins with.

    Raises:
        UserError: if it does not.
    """
    label = re.match(r"[0-9]{4}(?![0-9])", path.name)
    if not label:
        raise UserError(
            f"{path}: the name must begin with the image's four digits, as in "
            "0428.png or 0428_00017.png, or --sums give the sums. "
            f"Received: {path.name!r}"
        )
    return [int(character) for character in label.group()]


def write_png(folder: pathlib.Path, image, digits, index: int, count: int) -> None:
    """Writes one of `count` labelled PNGs, e.g. `0428_00017.png`.

    Args:
        folder: where to.
        image: uint8 `[40, 168]`.
        digits: the four, whole numbers.
        index: of the image; it has five places in the name, or as many as the last
            one's.
        count: how many images there are.

    Raises:
        OSError: if it cannot be written.
    """
    places = max(5, len(str(count - 1)))
    name = "".join(map(str, digits)) + f"_{index:0{places}}.png"
    Image.fromarray(image).save(folder / name)


def read_png(path: pathlib.Path) -> np.ndarray:
    """A PNG's pixels, uint8 `[40, 168]`.

    What is transparent is laid on paper, as `picture_files.decode_picture` does.

    Raises:
        UserError: if it cannot be read, or is of another size.
    """
    expected = f"{path} must be a PNG of 168x40 pixels with 8 bits each."
    try:
        with warnings.catch_warnings():
            # Of very large images: they are refused by their size.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=["PNG"])
        with image:
            if image.size != config.CANVAS_SHAPE[::-1]:
                width, height = image.size
                raise UserError(f"{expected} Received: {width}x{height}")
            if image.mode.startswith(("I", "F")):
                raise UserError(f"{expected} Received: {image.mode}")
            if image.has_transparency_data:
                image = image.convert("RGBA")
                if image.getextrema()[3][0] < OPAQUE:
                    image = Image.fromarray(_decode(path.read_bytes()).numpy())
            return np.asarray(image.convert("L"))
    except UserError:
        raise
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
        tf.errors.InvalidArgumentError,
    ) as error:
        raise UserError(
            f"{expected} Received: a file that cannot be read as one: "
            f"{type(error).__name__}"
        ) from error


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def _decode(image_bytes) -> tf.Tensor:
    return picture_files.decode_picture(image_bytes)
