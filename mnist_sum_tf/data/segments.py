"""Images whose four digits stand apart, cut at the blank columns between them.

Nothing needs to be known of the digits: four runs of columns with ink are four
digits, in reading order. Each is centred in a box of 28x28, as MNIST's are.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from mnist_sum_tf import config
from mnist_sum_tf.data import drawing, layouts
from mnist_sum_tf.data.placement import deform
from mnist_sum_tf.data.white_ink import INK

# Longest side of a piece, relative to that of the image's largest piece.
LARGEST_SPECK = 0.25  # pieces up to this size are ignored
SMALLEST_DIGIT = 0.6  # smaller: part of a digit, or the largest is two touching digits
SMALLEST_INK = 10  # pixels; nothing is written smaller
INK_SIZE = 20  # of MNIST's digits: LeCun et al. fitted them into 20x20


class Segments(NamedTuple):
    """The four digits of each of those images that could be cut.

    Attributes:
        rows: int64 `[m]`, which images they are, ascending.
        digits: uint8 `[m, 4, 28, 28]`, in reading order.
    """

    rows: np.ndarray
    digits: np.ndarray


def cut_images(images) -> Segments:
    """Cuts images at their blank columns.

    Args:
        images: uint8 `[n, 40, 168]`, white ink on black.

    Returns:
        The segments of images that split into exactly four of similar size.
    """
    rows, digits = [], []
    for row, image in enumerate(images):
        pieces = [cropped(image[:, start:stop]) for start, stop in ink_runs(image)]
        pieces = _of_one_size(pieces)
        if len(pieces) == config.NUM_DIGITS:
            rows.append(row)
            digits.append([centered(piece) for piece in pieces])
    shape = (-1, config.NUM_DIGITS, config.DIGIT_SIZE, config.DIGIT_SIZE)
    return Segments(np.array(rows, np.int64), np.array(digits, np.uint8).reshape(shape))


def ink_runs(image) -> list[tuple[int, int]]:
    """Runs of neighbouring columns with ink: (first column, one past the last).

    Args:
        image: uint8 `[height, width]`.
    """
    has_ink = np.any(image > INK, axis=0)
    ends = np.flatnonzero(np.diff(has_ink, prepend=False, append=False))
    return [(int(start), int(stop)) for start, stop in ends.reshape(-1, 2)]


def cropped(segment) -> np.ndarray:
    """The rows from the first with ink to the last; uint8 `[height, width]`."""
    top, bottom = np.flatnonzero(np.any(segment > INK, axis=1))[[0, -1]]
    return segment[top : bottom + 1]


def _of_one_size(pieces: list) -> list:
    """The pieces without specks; none if their sizes differ too much."""
    largest = max((max(piece.shape) for piece in pieces), default=0)
    if largest < SMALLEST_INK:
        return []
    shares = [max(piece.shape) / largest for piece in pieces]
    digits = [p for p, share in zip(pieces, shares) if share > LARGEST_SPECK]
    if any(LARGEST_SPECK < share < SMALLEST_DIGIT for share in shares):
        return []
    return digits


def centered(ink) -> np.ndarray:
    """Sets a digit in the middle of a box, shrunk where it is larger than MNIST's.

    Args:
        ink: uint8 `[height, width]`, cropped to the ink.

    Returns:
        uint8 `[28, 28]`.
    """
    scale = INK_SIZE / max(ink.shape)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
        ink = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BOX))
    box = np.zeros([config.DIGIT_SIZE, config.DIGIT_SIZE], np.uint8)
    top, left = ((config.DIGIT_SIZE - side) // 2 for side in ink.shape)
    box[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return box


def set_apart(digits) -> np.ndarray:
    """Centres four digits, unscaled, in four cells of 40x42.

    Args:
        digits: uint8 `[n, 4, 28, 28]`.

    Returns:
        uint8 `[n, 40, 168, 1]`.
    """
    cell = config.IMAGE_HEIGHT, config.CELL_WIDTH
    margins = [side - config.DIGIT_SIZE for side in cell]
    pads = [(margin // 2, margin - margin // 2) for margin in margins]
    cells = np.pad(digits, [(0, 0), (0, 0), *pads])
    rows = np.moveaxis(cells, 1, 2)
    return rows.reshape(-1, *config.IMAGE_SHAPE)


def deformed_and_set_apart(digits, seed) -> tf.Tensor:
    """As `set_apart`, with each digit deformed, rotated, thickened, moved and scaled.

    Args:
        digits: uint8 `[n, 4, 28, 28]`, of known n.
        seed: int `[2]`.

    Returns:
        uint8 `[n, 40, 168, 1]`.
    """
    seeds = tf.unstack(tf.random.split(seed, 3))
    straight = layouts.in_cells(digits.shape[0])
    placement = deform(straight, seeds[0], seeds[1], deformation_strength=1.0)
    return drawing.compose(digits, placement, seeds[2])
