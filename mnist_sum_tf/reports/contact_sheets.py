"""Sheets of canvases with captions."""

import math
import os
import pathlib

import matplotlib
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from mnist_sum_tf.atomic_files import write_atomically
from mnist_sum_tf.reports import files

ZOOM = 2
CAPTION_SIZE = 18
TITLE_SIZE = 26
GAP = 20
BACKGROUND, BORDER, TEXT = "#ffffff", "#9aa0a6", "#202124"
# A cell is over twice as wide as high; sheets are a little wider than high.
ROWS_PER_COLUMN = 2


def addition(digits, total: int) -> str:
    """`4 2 0 8 = 14`; the sum alone where the digits, `None`, are not known."""
    return (
        f"{' '.join(map(str, digits))} = {total}" if digits is not None else str(total)
    )


def write_contact_sheet(canvases, captions, path, title=None) -> None:
    """Draws a sheet of canvases, each with its caption underneath.

    Args:
        canvases: uint8 `[n, height, width]` or `[n, height, width, 1]`, n > 0.
        captions: n strings; a line break begins a new line, and a line too long
            for its picture loses its middle.
        path: of the PNG to write; it is written beside, then renamed.
        title: a line above the sheet, or `None`.

    Raises:
        ValueError: if there are no canvases or not one caption for each.
        OSError: if the file cannot be written.
    """
    sheet = draw_contact_sheet(canvases, captions, title)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, files.image_png(sheet))


def draw_contact_sheet(canvases, captions, title=None) -> PIL.Image.Image:
    """The same as an image in memory.

    Args, Raises: as `write_contact_sheet`.
    """
    canvases = np.asarray(canvases)
    if len(canvases) == 0 or len(canvases) != len(captions):
        raise ValueError(
            "A contact sheet needs canvases and one caption for each. Received:"
            f" {len(canvases)} canvases, {len(captions)} captions"
        )
    canvases = canvases.reshape(canvases.shape[:3])
    return _sheet(_cells(canvases, captions), title)


def _font(size: int):
    # Comes with matplotlib, so it is there on every machine.
    path = os.path.join("fonts", "ttf", "DejaVuSans.ttf")
    path = os.path.join(matplotlib.get_data_path(), path)
    return PIL.ImageFont.truetype(path, size)


def _cells(canvases, captions) -> list:
    """One picture per canvas with its caption, all of the same size."""
    font = _font(CAPTION_SIZE)
    num_lines = max(len(caption.splitlines()) for caption in captions)
    line_height = math.ceil(1.3 * CAPTION_SIZE)
    height, width = (ZOOM * side for side in canvases.shape[1:])
    cells = []
    for canvas, caption in zip(canvases, captions):
        cell = PIL.Image.new(
            "RGB", (width + 2, height + 8 + num_lines * line_height), BACKGROUND
        )
        # The border shows where a canvas ends, whatever colour it has there.
        draw = PIL.ImageDraw.Draw(cell)
        draw.rectangle((0, 0, width + 1, height + 1), outline=BORDER)
        image = PIL.Image.fromarray(canvas.astype(np.uint8))
        cell.paste(image.resize((width, height), PIL.Image.NEAREST), (1, 1))
        for number, line in enumerate(caption.splitlines()):
            top = height + 6 + number * line_height
            draw.text((1, top), _shortened(line, font, width), TEXT, font)
        cells.append(cell)
    return cells


def _shortened(line: str, font, width: int) -> str:
    """A line with as much of its middle left out as makes it fit."""
    if font.getlength(line) <= width:
        return line
    for kept in range(len(line) - 1, 1, -1):
        start, end = line[: kept // 2], line[len(line) - (kept + 1) // 2 :]
        if font.getlength(f"{start}…{end}") <= width:
            return f"{start}…{end}"
    return "…"


def _sheet(cells, title) -> PIL.Image.Image:
    width, height = cells[0].size
    num_columns = max(1, round(math.sqrt(len(cells) / ROWS_PER_COLUMN)))
    num_rows = math.ceil(len(cells) / num_columns)
    font = _font(TITLE_SIZE)
    top = GAP + (2 * TITLE_SIZE if title else 0)
    sheet_width = GAP + num_columns * (width + GAP)
    if title:
        title_width = math.ceil(font.getlength(title))
        sheet_width = max(sheet_width, title_width + 2 * GAP)
    sheet = PIL.Image.new(
        "RGB", (sheet_width, top + num_rows * (height + GAP)), BACKGROUND
    )
    if title:
        PIL.ImageDraw.Draw(sheet).text((GAP, GAP), title, TEXT, font)
    for number, cell in enumerate(cells):
        row, column = divmod(number, num_columns)
        left = GAP + column * (width + GAP)
        sheet.paste(cell, (left, top + row * (height + GAP)))
    return sheet
