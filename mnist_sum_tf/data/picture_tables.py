"""The user's pictures of any size, and a table of their sums."""

import concurrent.futures
import csv
import io
import logging
import os
import pathlib
import re
import unicodedata

import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.data.picture_headers import SUFFIXES, read_picture
from mnist_sum_tf.data.pictures import canvas_with_ink
from mnist_sum_tf.progress import progress_bar
from mnist_sum_tf.user_errors import UserError, first_line, one_line

HEADER = ["image", "sum"]
SHOWN_ERRORS = 5
DELIMITERS = ",;\t"
# Large photographs take memory while they are read.
AT_A_TIME = 4


def read_picture_table(folder: str, table_path: str):
    """Reads the pictures that a table names, as `scripts/predict.py` sees them.

    Args:
        folder: holds PNG, JPEG, GIF or BMP pictures, see `read_picture`; those
            that the table does not name are passed over.
        table_path: a CSV file in UTF-8 of two columns, a picture's path in the
            folder and its sum, 0 to 36; a first line `image,sum` is passed over.

    Returns:
        Images, uint8 `[n, 40, 168]`, white ink (255) on black (0); sums, int32
        `[n]`; and the pictures' paths as the table has them, in its order.

    Raises:
        UserError: naming the line of the table or the picture that cannot be used.
    """
    labels = _read_labels(table_path)
    _check_all_there(folder, labels, table_path)

    paths = [str(pathlib.Path(folder) / name) for name in labels]
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        found = progress_bar(
            pool.map(_read_canvas, paths),
            "reading pictures",
            len(paths),
            leave=False,
            unit="image",
        )
        canvases = list(found)
    errors = [str(each) for each in canvases if isinstance(each, UserError)]
    if len(errors) > 1:
        raise UserError(
            f"--sums={table_path} must name pictures that can be read. Received: "
            f"{len(errors)} that cannot: {'; '.join(errors[:SHOWN_ERRORS])}"
            + ("; ..." if len(errors) > SHOWN_ERRORS else "")
        )
    if errors:
        raise UserError(errors[0])
    return np.stack(canvases), np.array(list(labels.values()), np.int32), list(labels)


def _read_canvas(path: str) -> np.ndarray | UserError:
    """A picture's canvas, uint8 `[40, 168]`, or what is wrong with it."""
    try:
        return canvas_with_ink(path, read_picture(path))[..., 0]
    except UserError as error:
        return error


def _check_all_there(folder: str, names, table_path: str) -> None:
    """Checks that all pictures exist; logs how many in the folder have no sum.

    Raises:
        UserError: if a named picture does not exist.
    """
    paths = [os.path.join(folder, name) for name in names]
    missing = [path for path in paths if not os.path.exists(path)]
    if missing:
        raise UserError(
            f"--sums={table_path} must name pictures in --images={folder}. Received: "
            f"{len(missing)} that are not there, the first {missing[0]}"
        )
    try:
        in_folder = {
            os.path.abspath(os.path.join(folder, name))
            for name in os.listdir(folder)
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        }
    except OSError:  # The folder may be searchable but not listable.
        return
    unnamed = in_folder - set(map(os.path.abspath, paths))
    if unnamed:
        line = f"{folder} are skipped: {table_path} does not name them"
        logging.info(
            "%d of %d pictures in %s", len(unnamed), len(in_folder), one_line(line)
        )


def _read_labels(path: str) -> dict[str, int]:
    """Name -> sum, in the table's order."""
    expected = f"--sums={path} must be a CSV file of lines such as photo.jpg,17."
    labels, named = {}, set()
    rows = [(number, row) for number, row in _lines(path, expected) if any(row)]
    for place, (number, row) in enumerate(rows):
        if place == 0 and [cell.lower() for cell in row] == HEADER:
            continue
        if len(row) != len(HEADER) or not row[0] or _has_control_characters(row[0]):
            raise UserError(f"{expected} Received: {','.join(row)!r} in line {number}")
        name, total = row[0], _checked_sum(path, number, row[1], place == 0)
        if os.path.normpath(name) in named:
            raise UserError(
                f"--sums={path} must name each picture once. Received: {name!r} "
                f"again in line {number}"
            )
        named.add(os.path.normpath(name))
        labels[name] = total
    if not labels:
        raise UserError(f"{expected} Received: a file without any")
    return labels


def _checked_sum(path: str, number: int, total: str, is_first: bool) -> int:
    is_heading = is_first and total.isalpha()
    if not re.fullmatch("0{0,9}[0-9]{1,2}", total) or int(total) >= config.NUM_SUMS:
        raise UserError(
            f"--sums={path} must be whole numbers 0 to {config.NUM_SUMS - 1}"
            f"{', under the heading image,sum or none' if is_heading else ''}. "
            f"Received: {total!r} in line {number}"
        )
    return int(total)


def _has_control_characters(name: str) -> bool:
    """Unlike `str.isprintable`, lets through the narrow spaces in screenshots' names."""
    return any(unicodedata.category(each) in ("Cc", "Cs") for each in name)


def _lines(path: str, expected: str):
    """Yields line numbers, from 1, and the values of their columns."""
    try:
        # Excel puts a mark before UTF-8.
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True
        )
        for row in reader:
            yield reader.line_num, [cell.strip() for cell in row]
    except FileNotFoundError:
        raise UserError(f"{expected} Received: no such file") from None
    except UnicodeError as error:
        raise UserError(f"{expected} Received: text that is not UTF-8") from error
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise UserError(f"{expected} Received: {reason}") from error


def _delimiter(text: str) -> str:
    """The comma, unless spreadsheets' others stand before the first line's last value."""
    first = next(filter(str.strip, text.splitlines()), "").strip()
    for each in DELIMITERS:
        name, _, last = first.rpartition(each)
        if name and re.fullmatch(r'\s*"?\s*([0-9]+|[A-Za-z]+)\s*"?', last):
            return each
    return DELIMITERS[0]
