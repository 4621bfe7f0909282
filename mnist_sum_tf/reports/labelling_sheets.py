"""Images cut into digits, and images labelled by their sums, as pictures."""

import numpy as np
from PIL import Image

from mnist_sum_tf import config
from mnist_sum_tf.data import segments
from mnist_sum_tf.reports.contact_sheets import (
    addition,
    draw_contact_sheet,
    write_contact_sheet,
)
from mnist_sum_tf.user_errors import UserError

SHOWN = 20  # labelled images
BORDER = 2  # rows of pixels between stacked images


def draw_cutting(images, number: int = 4, seed=(0, 0)) -> Image.Image:
    """Shows the first images that can be cut, set apart, and deformed as in training.

    Args:
        images: uint8 `[n, 40, 168]`, of which some can be cut.
        number: how many are shown at most.
        seed: int `[2]`, of the deformation.

    Raises:
        UserError: if none can be cut.
    """
    rows, digit_images = segments.cut_images(images)
    if not len(rows):
        raise UserError(
            "Some images must have blank columns between four digits. Received: none "
            f"of {len(images)}"
        )
    rows, digit_images = rows[:number], digit_images[:number]
    apart = segments.set_apart(digit_images)
    deformed = segments.deformed_and_set_apart(digit_images, seed).numpy()
    border = np.full([len(rows), BORDER, config.IMAGE_WIDTH, 1], 255, np.uint8)
    parts = [images[rows][..., np.newaxis], border, apart, border, deformed]
    captions = ["as it is; set apart; deformed"] * len(rows)
    return draw_contact_sheet(np.concatenate(parts, axis=1), captions)


def draw_labels(images, digits, sums, confidence, path) -> None:
    """Draws some labelled images: the least sure, then some of the others.

    Args:
        images: uint8 `[n, 40, 168]`.
        digits: integers `[n, 4]`, as found.
        sums: integers `[n]`.
        confidence: float `[n]`, how sure the digits are.
        path: of the PNG to write.
    """
    order = np.argsort(confidence, kind="stable")
    half = SHOWN // 2
    rest = order[half:][:: max(1, (len(order) - half) // half)][:half]
    shown = np.concatenate([order[:half], rest])
    captions = [
        f"{addition(digits[row], sums[row])}\n{confidence[row]:.1%} sure"
        for row in shown
    ]
    write_contact_sheet(images[shown], captions, path)
