"""Single images with everything that a model says about them."""

import logging
import os
from typing import NamedTuple

import keras
import numpy as np

from mnist_sum_tf import answers, config, evaluation_data
from mnist_sum_tf.data.picture_headers import read_picture
from mnist_sum_tf.data.pictures import canvas_with_ink
from mnist_sum_tf.prediction import BATCH_SIZE, find_images
from mnist_sum_tf.reports.contact_sheets import addition
from mnist_sum_tf.user_errors import UserError, one_line


class Inspected(NamedTuple):
    """An image and what was read in it.

    Attributes:
        name: of the file or layout it is from.
        image: uint8 `[40, 168]`, as the model sees it.
        true_digits: the four digits, `None` where they are not known.
        digit_probabilities: float32 `[4, 10]`.
        sum_probabilities: float32 `[37]`.
        decoder_sum: the regressed sum.
    """

    name: str
    image: np.ndarray
    true_digits: tuple[int, ...] | None
    digit_probabilities: np.ndarray
    sum_probabilities: np.ndarray
    decoder_sum: float

    @property
    def sum(self) -> int:
        """The most likely sum."""
        return int(self.sum_probabilities.argmax())

    @property
    def confidence(self) -> float:
        """The probability of the most likely sum."""
        return float(self.sum_probabilities.max())

    def __str__(self):
        read = addition(self.digit_probabilities.argmax(-1), self.sum)
        lines = [self.name, f"read {read}, {self.confidence:.1%}"]
        if self.true_digits is not None:
            lines.append(f"true {addition(self.true_digits, sum(self.true_digits))}")
        return "\n".join(lines)


def inspect_composites(
    model: keras.Model, layout: str, number: int, digits: str = "bundled"
) -> list[Inspected]:
    """Reads composites of test digits.

    Args:
        model: see `evaluation.load_for_evaluation`.
        layout: one of `config.LAYOUTS`.
        number: how many, at most `config.EVALUATION_BATCH_SIZE`.
        digits: see `load_digits`.

    Raises:
        UserError: if there is no such layout or the digits cannot be used.
    """
    data = config.DataConfig(digits=digits)
    chosen = evaluation_data.choose_datasets([layout], data)
    images, labels = next(iter(chosen[layout]))
    true_digits = [tuple(row) for row in labels["digits"][:number].numpy().tolist()]
    return _inspect(model, images[:number].numpy(), [layout] * number, true_digits)


def inspect_files(model: keras.Model, paths) -> list[Inspected]:
    """Reads image files of any size, preprocessed as in `predict.py`.

    Args:
        model: see `evaluation.load_for_evaluation`.
        paths: of files, and of folders of them. Those that cannot be read or show no
            ink are named by a warning and left out.

    Raises:
        UserError: if none can be read.
    """
    faults = []
    names, canvases = [], []
    for path in find_images(paths, faults.append):
        try:
            canvases.append(canvas_with_ink(path, read_picture(path)))
            names.append(one_line(os.path.basename(path)))
        except UserError as fault:
            faults.append(fault)
    if not names and faults:
        raise faults[0]
    for fault in faults:
        logging.warning("%s", one_line(str(fault)))
    inspected = []
    for start in range(0, len(names), BATCH_SIZE):
        batch = slice(start, start + BATCH_SIZE)
        inspected += _inspect(
            model, np.stack(canvases[batch]), names[batch], [None] * len(names[batch])
        )
    return inspected


def _inspect(model, images, names, true_digits) -> list[Inspected]:
    outputs = model(images)
    columns = [outputs[name].numpy() for name in answers.OUTPUTS]
    return [
        Inspected(name, image[..., 0], true, *row[:2], float(row[2]))
        for name, image, true, *row in zip(names, images, true_digits, *columns)
    ]


def least_sure(inspected: list[Inspected], number: int = 1) -> list[Inspected]:
    """Those whose most likely sum has the least probability, in that order."""
    return sorted(inspected, key=lambda each: each.confidence)[:number]
