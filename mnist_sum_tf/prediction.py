"""Reads image files with an exported model."""

import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mnist_sum_tf import reports
from mnist_sum_tf.config import UserError
from mnist_sum_tf.data.picture_files import SUFFIXES
from mnist_sum_tf.data.pictures import canvas_from_bytes, read_picture
from mnist_sum_tf.runtimes.loading import is_model_file, load_file

SIGNATURE = "serving_bytes"
# Enough to keep a processor busy; large photographs come fewer at a time.
BATCH_SIZE = 32
BATCH_BYTES = 64_000_000
# More would make a picture that hardly a program opens.
MAX_DRAWN = 400


class Reading(NamedTuple):
    """What a model read in one image.

    Attributes:
        path: of the image file, as it was given.
        digits: the most likely digit at each place, in reading order.
        sum: the most likely sum; it may differ from that of `digits`.
        probability: of that sum, by the model's own account.
    """

    path: str
    digits: tuple[int, int, int, int]
    sum: int
    probability: float


def load_model(path):
    """Loads an exported model of any format.

    Args:
        path: of an `.onnx` or `.tflite` file, else see `find_saved_model`.

    Returns:
        What `read_sums` takes.

    Raises:
        UserError: if there is none, it is broken, another model's, or the
            package that runs it is not installed.
    """
    return load_file(path) if is_model_file(path) else load_saved_model(path)


def find_saved_model(path) -> pathlib.Path:
    """The SavedModel at a path: itself, or the newest of the versions in it.

    Args:
        path: of a SavedModel or of a folder of numbered ones.

    Raises:
        UserError: if there is neither.
    """
    path = pathlib.Path(path)
    if _is_saved_model(path):
        return path
    versions = []
    if path.is_dir():
        versions = [
            entry
            for entry in path.iterdir()
            if entry.name.isascii() and entry.name.isdigit()
            and _is_saved_model(entry)
        ]  # fmt: skip
    if not versions:
        raise UserError(
            "--model must be a SavedModel or a folder of its versions, an .onnx "
            "or a .tflite file. "
            f"Received: {path}"
        )
    return max(versions, key=lambda entry: int(entry.name))


def _is_saved_model(path: pathlib.Path) -> bool:
    return (path / "saved_model.pb").is_file()


def load_saved_model(path):
    """Loads the SavedModel at a path.

    Args:
        path: see `find_saved_model`.

    Returns:
        An object whose `signatures` are those of the exported model.

    Raises:
        UserError: if there is none, it is broken, or another model's.
    """
    found = find_saved_model(path)
    try:
        model = tf.saved_model.load(str(found))
    except Exception as error:  # Broken files fail in many ways.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(
            f"--model must be a SavedModel that loads. Received: {found}"
            f" ({reason[0]})"
        ) from error
    if SIGNATURE not in model.signatures:
        raise UserError(
            f"--model must have the signature {SIGNATURE}, as export_model.py "
            f"writes it. Received: {found} with {sorted(model.signatures)}"
        )
    return model


def find_images(paths: Iterable) -> list[str]:
    """Image files, with each folder replaced by those in it, sorted by name.

    Raises:
        UserError: if there is nothing at a path, or no image in a folder.
    """
    found = []
    for path in map(os.fspath, paths):
        if not os.path.isdir(path):
            found.append(path)
            continue
        names = [
            name
            for name in sorted(os.listdir(path))
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
        if not names:
            raise UserError(
                f"{path}: expected a folder with {', '.join(SUFFIXES)} files. "
                f"Received: a folder without any"
            )
        found += [os.path.join(path, name) for name in names]
    missing = [path for path in found if not os.path.exists(path)]
    if missing:
        raise UserError(
            f"{missing[0]}: there is no such image file. Received: {missing[0]}"
        )
    return found


def read_sums(paths: Iterable, model) -> list[Reading]:
    """Reads the digits and the sum of each image.

    Args:
        paths: of image files of any size, and of folders of them.
        model: see `load_model`.

    Returns:
        One reading per image, in the order of `paths`.

    Raises:
        UserError: if an image cannot be read; nothing is returned then.
    """
    readings = []
    for batch, files in _batches(find_images(paths)):
        answers = _answers(batch, files, model)
        digits, sums, probabilities = (
            np.asarray(answers[name])
            for name in ("digits", "most_likely_sum", "sum_probabilities")
        )
        readings += [
            Reading(
                path, tuple(map(int, digits[i])), int(sums[i]),
                float(probabilities[i, sums[i]]),
            )
            for i, path in enumerate(batch)
        ]  # fmt: skip
    return readings


def _batches(paths: list[str]) -> Iterator[tuple[list[str], list[bytes]]]:
    """Paths and the files' bytes, as many as may be held at a time."""
    start, files = 0, []
    for number, path in enumerate(paths, start=1):
        files.append(read_picture(path))
        is_full = len(files) == BATCH_SIZE or sum(map(len, files)) > BATCH_BYTES
        if is_full or number == len(paths):
            yield paths[start:number], files
            start, files = number, []


def _answers(paths, files: list[bytes], model) -> dict:
    """Runs the model on files; names the one that cannot be decoded."""
    if not hasattr(model, "signatures"):  # It reads canvases, not files.
        canvases = [canvas_of(path, file) for path, file in zip(paths, files)]
        return model(np.stack(canvases))
    run = model.signatures[SIGNATURE]
    try:
        return run(image_bytes=tf.constant(files, tf.string))
    except tf.errors.OpError:
        # One broken image fails its batch without saying which one it is.
        for path, file in zip(paths, files):
            canvas_of(path, file)
        raise


def canvas_of(path: str, file: bytes) -> np.ndarray:
    """The canvas of a file's bytes, uint8 `[40, 168, 1]`.

    Raises:
        UserError: naming `path`, if the file cannot be decoded.
    """
    try:
        return canvas_from_bytes(file).numpy()
    except tf.errors.OpError:
        raise UserError(
            f"{path}: expected a whole PNG, JPEG, GIF or BMP image. Received: "
            "one that is cut off, damaged or of an unusual kind"
        ) from None


def draw_readings(readings: list[Reading], path) -> None:
    """Writes a contact sheet: each canvas as the model saw it, and its reading.

    Of very many readings only the first `MAX_DRAWN` are drawn.

    Args:
        readings: see `read_sums`; at least one.
        path: of the PNG to write.

    Raises:
        UserError: if an image cannot be read any more or the PNG not written.
    """
    drawn = readings[:MAX_DRAWN]
    title = None
    if len(drawn) < len(readings):
        title = f"The first {len(drawn)} of {len(readings)} images"
    canvases = [canvas_of(each.path, read_picture(each.path)) for each in drawn]
    captions = [
        f"{os.path.basename(each.path)}\n{_addition(each)}" for each in drawn
    ]
    try:
        reports.contact_sheet(canvases, captions, path, title)
    except OSError as error:
        raise UserError(
            "--picture must be a file that can be written. "
            f"Received: {path} ({error.strerror})"
        ) from error


def _addition(reading: Reading) -> str:
    digits = " ".join(map(str, reading.digits))
    return f"{digits}   sum {reading.sum}   {reading.probability:.1%}"


def format_readings(readings: list[Reading]) -> str:
    """One line per image: path, digits, sum and the sum's probability."""
    width = max(len(each.path) for each in readings)
    return "\n".join(
        f"{each.path:{width}}   {_addition(each)}" for each in readings
    )
