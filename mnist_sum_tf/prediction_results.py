"""What was read in image files: as lines, as a picture, as images to learn from."""

import dataclasses
import json
import os
import pathlib
import sys

from PIL import Image

from mnist_sum_tf import reports
from mnist_sum_tf.atomic_files import check_writable
from mnist_sum_tf.data.new_folders import check_new_folder, new_folder
from mnist_sum_tf.prediction import Reading, iterate_readings, load_model
from mnist_sum_tf.user_errors import UserError, one_line

# More would make a picture that hardly any program opens.
MAX_DRAWN = 400
LONGEST_STEM = 100  # bytes of a file's name


@dataclasses.dataclass(frozen=True)
class PredictionConfig:
    """Which model reads images, and where its readings go.

    Attributes:
        model: path of an exported model, see `load_model`.
        as_json: whether readings are printed as JSON, not as lines.
        picture: a PNG to write, see `draw_readings`; none where `None`.
        output_dir: a new folder of labelled PNGs, see `write_canvases`; likewise.
    """

    model: str | os.PathLike
    as_json: bool = False
    picture: str | None = None
    output_dir: str | None = None


def predict_and_report(paths: list[str], settings: PredictionConfig) -> bool:
    """Reads images; prints readings, and errors on standard error.

    Args:
        paths: of image files and folders of them.
        settings: the model, and what to write.

    Returns:
        Whether all of them could be read.

    Raises:
        UserError: if there is no such model, or a result cannot be written.
        KeyboardInterrupt: once what was read before it is printed.
    """
    if settings.picture:
        check_picture(settings.picture, paths)
    if settings.output_dir:
        check_new_folder(settings.output_dir)
    model = load_model(settings.model)
    readings, unreadable, canvases = [], [], []
    # Kept, not read again: a file may have changed, a pipe be empty.
    keep = canvases.append if settings.picture or settings.output_dir else None
    try:
        for reading in iterate_readings(paths, model, unreadable.append, keep):
            readings.append(reading)
    except KeyboardInterrupt:
        print_readings(readings, unreadable, settings.as_json)
        raise
    print_readings(readings, unreadable, settings.as_json)
    if settings.output_dir and readings:
        write_canvases(readings, canvases, settings.output_dir)
    if settings.picture and readings:  # After it: it may lie in that folder.
        draw_readings(readings, canvases, settings.picture)
    return not unreadable


def print_readings(readings: list[Reading], errors: list, as_json: bool) -> None:
    """Prints what was read, and what was not on standard error.

    Args:
        readings: may be none.
        errors: what is wrong with the other images, a line each.
        as_json: as a list of `{"path", "digits", "sum", "probability"}`.
    """
    if as_json:
        print(json.dumps([reading._asdict() for reading in readings], indent=2))
    elif readings:
        print(format_readings(readings))
    for error in errors:
        print(f"error: {one_line(str(error))}", file=sys.stderr)


def check_picture(picture: str, paths: list[str]) -> None:
    """Checks that the picture can be written, before anything is read.

    Args:
        picture: path of the picture to write.
        paths: the images to be read.

    Raises:
        UserError: if it is not a `.png`, exists but is no file, is one of `paths`, or
            its folder cannot be written.
    """
    expected = "--picture must be a .png file that can be written. Received: "
    if not picture.lower().endswith(".png"):
        raise UserError(f"{expected}{picture}")
    try:
        check_writable(os.path.dirname(os.path.realpath(picture)))
    except OSError as error:
        raise UserError(f"{expected}{picture} ({error.strerror})") from error
    if not os.path.exists(picture):
        return
    if not os.path.isfile(picture):
        raise UserError(f"{expected}{picture}, which is no file")
    places = [picture, os.path.dirname(picture) or "."]  # A folder's images are read.
    if any(
        os.path.samefile(path, place)
        for path in paths
        for place in places
        if os.path.exists(path)
    ):
        raise UserError(f"{expected}{picture}, which is an image to be read")


def format_readings(readings: list[Reading]) -> str:
    """One line per image: path, digits, sum and the sum's probability."""
    paths = [one_line(each.path) for each in readings]
    width = max(map(len, paths))
    return "\n".join(
        f"{path:{width}}   {_addition(each)}" for path, each in zip(paths, readings)
    )


def _addition(reading: Reading) -> str:
    digits = " ".join(map(str, reading.digits))
    return f"{digits}   sum {reading.sum}   {reading.probability:.1%}"


def draw_readings(readings: list[Reading], canvases: list, path) -> None:
    """Writes a contact sheet: each canvas as the model saw it, and its reading.

    Of very many readings only the first `MAX_DRAWN` are drawn.

    Args:
        readings: see `read_sums`; at least one.
        canvases: what was read, uint8 `[40, 168, 1]` each.
        path: of the PNG to write.

    Raises:
        UserError: if the PNG cannot be written.
    """
    drawn = readings[:MAX_DRAWN]
    title = None
    if len(drawn) < len(readings):
        title = f"The first {len(drawn)} of {len(readings)} images"
    captions = [
        f"{one_line(os.path.basename(each.path))}\n{_addition(each)}" for each in drawn
    ]
    try:
        reports.write_contact_sheet(canvases[: len(drawn)], captions, path, title)
    except OSError as error:
        raise UserError(
            "--picture must be a file that can be written. "
            f"Received: {path} ({error.strerror})"
        ) from error


def write_canvases(readings: list[Reading], canvases: list, output_dir: str) -> None:
    """Writes what the model was given as labelled PNGs, the digits as it read them.

    `4208_00000_photo.png` is the canvas of `photo.jpg`, 168x40, white ink on black.
    If a name is wrong it can be corrected; then the
    folder is one of images to learn from, see `labelled_images.read_png_folder`.

    Args:
        readings: see `read_sums`.
        canvases: what was read, uint8 `[40, 168, 1]` each.
        output_dir: a folder that is empty or not there yet.

    Raises:
        UserError: if the folder holds anything or cannot be written.
    """
    with new_folder(output_dir) as folder:
        for index, (each, canvas) in enumerate(zip(readings, canvases)):
            digits = "".join(map(str, each.digits))
            stem = _cut(pathlib.Path(each.path).stem)
            image = Image.fromarray(canvas[..., 0])
            name = f"{digits}_{index:05}_{stem}.png"
            image.save(folder / name)


def _cut(stem: str) -> str:
    """Cuts a name to `LONGEST_STEM` bytes, without cutting a character in two."""
    name = os.fsencode(stem)
    if len(name) <= LONGEST_STEM:
        return stem
    return name[:LONGEST_STEM].decode("utf-8", "ignore")
