"""A model's answers to every image of a data set, with the true labels."""

import os
from collections.abc import Iterable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf.user_errors import one_line

MAX_WORST = 100
OUTPUTS = ("digit_probabilities", "sum_probabilities", "sum")


class WorstImage(NamedTuple):
    """An image whose true sum the model found unlikely.

    Attributes:
        source: name of its data set.
        image: uint8 `[40, 168]`.
        true_digits: the four digits, `None` where only the sum is known.
        true_sum: 0..36.
        digits: the most likely digit at each place.
        sum: the most likely sum.
        probability: of that sum.
        true_probability: of the true sum.
    """

    source: str
    image: np.ndarray
    true_digits: tuple[int, ...] | None
    true_sum: int
    digits: tuple[int, ...]
    sum: int
    probability: float
    true_probability: float


class Answers(NamedTuple):
    """A model's answers to n images.

    Attributes:
        sums: int32 `[n]`, the true ones.
        digits: int32 `[n, 4]`, the true ones; `None` where they are not known.
        digit_probabilities: float32 `[n, 4, 10]`.
        sum_probabilities: float32 `[n, 37]`.
        decoder_sums: float32 `[n]`.
        worst: the `MAX_WORST` images whose true sum has the least probability,
            the least likely first.
    """

    sums: np.ndarray
    digits: np.ndarray | None
    digit_probabilities: np.ndarray
    sum_probabilities: np.ndarray
    decoder_sums: np.ndarray
    worst: list[WorstImage]

    @property
    def read_digits(self) -> np.ndarray:
        """The most likely digit of each slot, integers `[n, 4]`."""
        return self.digit_probabilities.argmax(-1)

    @property
    def read_sums(self) -> np.ndarray:
        """The most likely sums, integers `[n]`."""
        return self.sum_probabilities.argmax(-1)

    @property
    def confidences(self) -> np.ndarray:
        """The most likely sums' probabilities, float32 `[n]`."""
        return self.sum_probabilities.max(-1)


def collect_all(
    model: keras.Model, named_datasets: Iterable[tuple[str, Iterable]]
) -> dict[str, Answers]:
    """Runs a model over data sets.

    Only the worst images are kept in memory.

    Args:
        model: images to a dictionary with the outputs `OUTPUTS`.
        named_datasets: pairs of name and data set, which is finite; elements of
            images and labels (see `datasets`), which may hold `"name"`, string
            `[batch]`, of the files.

    Returns:
        Answers by name.
    """

    # Traced once for all data sets.
    @tf.function(autograph=False, reduce_retracing=True)
    def run(images):
        outputs = model(images, training=False)
        return [outputs[key] for key in OUTPUTS]

    return {name: _collect(run, dataset, name) for name, dataset in named_datasets}


def collect(model: keras.Model, dataset, name: str) -> Answers:
    """Runs a model over one data set, see `collect_all`."""
    return collect_all(model, [(name, dataset)])[name]


def _collect(run, dataset, name: str) -> Answers:
    parts, worst = [], []
    for images, labels in dataset:
        digits = labels["digits"].numpy() if "digits" in labels else None
        outputs = [output.numpy() for output in run(images)]
        part = Answers(labels["sum"].numpy(), digits, *outputs, worst=[])
        sources = [name] * len(part.sums)
        if "name" in labels:
            sources = [one_line(os.fsdecode(each)) for each in labels["name"].numpy()]
        worst = least_likely(worst + _worst_of(part, images.numpy(), sources))
        parts.append(part)
    return join(parts)._replace(worst=worst)


def _worst_of(part: Answers, images, sources) -> list[WorstImage]:
    """The batch's images whose true sums are least likely."""
    likelihood = part.sum_probabilities[np.arange(len(part.sums)), part.sums]
    read, sums, confidences = part.read_digits, part.read_sums, part.confidences
    return [
        WorstImage(
            source=sources[row],
            image=images[row, ..., 0].copy(),  # lets go of the batch
            true_digits=(
                None if part.digits is None else tuple(part.digits[row].tolist())
            ),
            true_sum=int(part.sums[row]),
            digits=tuple(read[row].tolist()),
            sum=int(sums[row]),
            probability=float(confidences[row]),
            true_probability=float(likelihood[row]),
        )
        for row in np.argsort(likelihood, kind="stable")[:MAX_WORST]
    ]


def least_likely(images: list[WorstImage]) -> list[WorstImage]:
    """The `MAX_WORST` whose true sum has the least probability, in order."""
    return sorted(images, key=lambda each: each.true_probability)[:MAX_WORST]


def join(parts: list[Answers]) -> Answers:
    """Concatenates answers; digits are known only if known in all parts."""
    columns = zip(*(part[2:-1] for part in parts))
    known = all(part.digits is not None for part in parts)
    return Answers(
        np.concatenate([part.sums for part in parts]),
        np.concatenate([part.digits for part in parts]) if known else None,
        *(np.concatenate(column) for column in columns),
        worst=least_likely([each for part in parts for each in part.worst]),
    )
