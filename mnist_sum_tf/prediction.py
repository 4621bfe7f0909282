"""Reads image files with an exported model."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from mnist_sum_tf.data.picture_headers import SUFFIXES, read_picture
from mnist_sum_tf.data.pictures import canvas_with_ink
from mnist_sum_tf.progress import progress_bar
from mnist_sum_tf.runtimes.loading import is_model_file, load_file
from mnist_sum_tf.runtimes.saved_model import saved_model_reader
from mnist_sum_tf.user_errors import UserError

# Enough to keep a processor busy; large photographs come fewer at a time.
BATCH_SIZE = 32
BATCH_BYTES = 64_000_000
# Suffixes read from a folder, and those reported as unsupported.
LISTED_SUFFIXES = (*SUFFIXES, ".heic", ".heif", ".webp", ".tif", ".tiff", ".avif")


class Reading(NamedTuple):
    """What a model read in one image.

    Attributes:
        path: of the image file, as it was given.
        digits: the most likely digit at each place, in reading order.
        sum: the most likely sum; it may differ from that of `digits`.
        probability: the model's probability of that sum.
    """

    path: str
    digits: tuple[int, int, int, int]
    sum: int
    probability: float

    @classmethod
    def of_answer(cls, path: str, answer: dict) -> "Reading":
        """What a model's answer to one image, its outputs by name, says."""
        most_likely = int(answer["most_likely_sum"])
        return cls(
            path,
            tuple(map(int, answer["digits"])),
            most_likely,
            float(answer["sum_probabilities"][most_likely]),
        )


def load_model(path):
    """Loads an exported model of any format.

    Args:
        path: of an `.onnx` or `.tflite` file, else see `find_saved_model`.

    Returns:
        A function from images, uint8 `[n, 40, 168, 1]`, to a dictionary of arrays,
        which `read_sums` takes.

    Raises:
        UserError: if there is none, it is broken, another model's, or the
            package that runs it is not installed.
    """
    return load_file(path) if is_model_file(path) else saved_model_reader(path)


def find_images(
    paths: Iterable, on_error: Callable[[UserError], None] | None = None
) -> list[str]:
    """Image files, with each folder replaced by those in it, sorted by name.

    Args:
        paths: of files and folders; one path may stand by itself.
        on_error: called with the error of a path, which is then skipped;
            where `None`, the error is raised. With it, a folder's images of formats
            that are not read are found, too, for their errors to be told.

    Raises:
        UserError: if there is nothing at a path, or no image in a folder.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    suffixes = SUFFIXES if on_error is None else LISTED_SUFFIXES
    found = (
        _attempt(on_error, _images_at, os.fspath(path), suffixes) for path in paths
    )
    return [image for images in found if images for image in images]


def _images_at(path: str, suffixes) -> list[str]:
    """The file, or the images in the folder, at a path."""
    if not os.path.exists(path):
        raise UserError(f"{path}: there is no such image file. Received: {path}")
    if not os.path.isdir(path):
        return [path]
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise UserError(
            f"{path}: the folder cannot be read. Received: {error.strerror}"
        ) from None
    images = [
        name
        for name in names
        if name.lower().endswith(suffixes)
        and not name.startswith(".")
        and not stat.S_ISFIFO(_mode(os.path.join(path, name)))
    ]
    if not images:
        raise _without_images(path, names)
    return [os.path.join(path, name) for name in images]


def _without_images(path: str, names: list[str]) -> UserError:
    has_folders = any(
        os.path.isdir(os.path.join(path, name)) and not name.startswith(".")
        for name in names
    )
    return UserError(
        f"{path}: expected a folder with {', '.join(SUFFIXES)} files. "
        "Received: a folder without any"
        + (", but with folders, which are not searched" if has_folders else "")
    )


def _mode(path: str) -> int:
    """A file's mode; 0 of a missing file, which its reader reports."""
    try:
        return os.stat(path).st_mode
    except OSError:
        return 0


def read_sums(
    paths: Iterable,
    model,
    on_error: Callable[[UserError], None] | None = None,
    keep: Callable[[np.ndarray], None] | None = None,
) -> list[Reading]:
    """Reads the digits and the sum of each image.

    Args:
        paths: of image files of any size, and of folders of them.
        model: see `load_model`.
        on_error: called with the error of each image that cannot be read, which
            is then skipped; where `None`, the error is raised.
        keep: called with each image as the model saw it, uint8 `[40, 168, 1]`.

    Returns:
        One reading per image, in the order of `paths`.

    Raises:
        UserError: if there is no image at a path, or one cannot be read and
            `on_error` is `None`.
    """
    return list(iterate_readings(paths, model, on_error, keep))


def iterate_readings(
    paths: Iterable, model, on_error=None, keep=None
) -> Iterator[Reading]:
    """As `read_sums`, but yields each reading once it is there; shows progress."""
    found = find_images(paths, on_error)
    few = len(found) <= BATCH_SIZE
    shown = progress_bar(found, "reading", leave=False, unit="image", disable=few)
    for batch in _batches(shown, on_error):
        decoded, canvases = _decoded(batch, on_error)
        if not decoded:
            continue
        answers = model(np.stack(canvases))
        for i, path in enumerate(decoded):
            if keep:
                keep(canvases[i])
            answer = {name: values[i] for name, values in answers.items()}
            yield Reading.of_answer(path, answer)


def _batches(paths: Iterable[str], on_error) -> Iterator[list[tuple[str, bytes]]]:
    """Paths and the files' bytes, as many as may be held at a time."""
    batch, num_bytes = [], 0
    for path in paths:
        file = _attempt(on_error, read_picture, path)
        if file is None:
            continue
        batch.append((path, file))
        num_bytes += len(file)
        if len(batch) == BATCH_SIZE or num_bytes > BATCH_BYTES:
            yield batch
            batch, num_bytes = [], 0
    if batch:
        yield batch


def _attempt(on_error, read, *arguments):
    """What `read` returns, or `None` for an image that is skipped."""
    try:
        return read(*arguments)
    except UserError as error:
        if on_error is None:
            raise
        on_error(error)
        return None


def _decoded(batch: list[tuple[str, bytes]], on_error) -> tuple[list, list]:
    """Paths of the images of a batch that can be decoded, and their canvases."""
    # By the preprocessing of the signature that takes files, but one by one: it
    # does not say which of several files is broken or blank.
    paths, canvases = [], []
    for path, file in batch:
        canvas = _attempt(on_error, canvas_with_ink, path, file)
        if canvas is not None:
            paths.append(path)
            canvases.append(canvas)
    return paths, canvases
