"""Draws one example's way through the model."""

from typing import NamedTuple

import matplotlib.lines
import matplotlib.patches
import numpy as np
from matplotlib.figure import Figure

from mnist_sum_tf import config
from mnist_sum_tf.data import composites
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.reports.plots import BLUE, GREY, STYLE, WIDTH

HEIGHT = 5.6
LAYOUT, SEED = "scattered", 1
ENCODER = (
    "encoder\n\n5 times:\nconvolution 3×3, ReLU\nconvolution 3×3, ReLU\n"
    "max pool 2×2, dropout\n\ndense 512, ReLU, dropout\ndense 40"
)
DECODER = "decoder\n\nsoftmax\ndense 64, 128, 64, ReLU\ndense 1"


class Example(NamedTuple):
    """The data at each point of that way.

    Attributes:
        digits: uint8 `[4, 28, 28]`, in reading order.
        image: uint8 `[40, 168]`.
        digit_probabilities: float32 `[4, 10]`.
        sum_probabilities: float32 `[37]`.
        decoder_sum: a number.
    """

    digits: np.ndarray
    image: np.ndarray
    digit_probabilities: np.ndarray
    sum_probabilities: np.ndarray
    decoder_sum: float


def make_example(model, digits: Digits) -> Example:
    """Composes four digits and reads them.

    Args:
        model: images to a dictionary with the sum model's outputs.
        digits: the first four of different classes are taken.
    """
    _, first = np.unique(digits.labels, return_index=True)
    rows = np.sort(first)[: config.NUM_DIGITS]
    labels = digits.labels[rows]
    images, known = composites.evaluation_batch(
        digits.images[rows], labels, LAYOUT, SEED, 0, 1
    )
    # The set of these four uses each once, in an order of its own.
    order = [int(np.flatnonzero(labels == label)[0]) for label in known["digits"][0]]
    outputs = model(images)
    return Example(
        digits.images[rows][order],
        images[0, ..., 0].numpy(),
        outputs["digit_probabilities"][0].numpy(),
        outputs["sum_probabilities"][0].numpy(),
        float(outputs["sum"][0]),
    )


@matplotlib.rc_context(STYLE | {"axes.grid": False})
def draw(example: Example) -> Figure:
    """Draws digits, composite, encoder, decoder, distribution and sum."""
    figure = Figure((WIDTH, HEIGHT))
    for place, digit in enumerate(example.digits):
        _picture(figure, (0.02 + 0.06 * place, 0.82, 0.056, 0.08), digit)
    figure.text(0.02, 0.95, "four digits\n28×28", va="center")
    _arrow(figure, (0.27, 0.86), (0.35, 0.86))
    _picture(figure, (0.36, 0.775, 0.62, 0.17), example.image)
    figure.text(0.36, 0.975, "composite 40×168, uint8", va="center")
    _arrow(figure, (0.67, 0.765), (0.67, 0.69), (0.15, 0.69), (0.15, 0.61))
    _box(figure, (0.02, 0.1, 0.26, 0.5), ENCODER)
    _arrow(figure, (0.29, 0.5), (0.41, 0.5))
    figure.text(0.35, 0.53, "logits\n4×10", ha="center", va="bottom")
    _box(figure, (0.42, 0.4, 0.28, 0.2), DECODER)
    _arrow(figure, (0.71, 0.5), (0.77, 0.5))
    _box(
        figure,
        (0.78, 0.42, 0.2, 0.16),
        f"sum by regression\n\n{example.decoder_sum:.2f}",
        BLUE,
    )
    _arrow(figure, (0.29, 0.2), (0.38, 0.2))
    figure.text(0.335, 0.22, "softmax", ha="center", va="bottom")
    _digit_probabilities(
        figure.add_axes((0.45, 0.1, 0.23, 0.2)), example.digit_probabilities
    )
    _arrow(figure, (0.69, 0.2), (0.735, 0.2))
    _sums(figure.add_axes((0.81, 0.1, 0.17, 0.2)), example.sum_probabilities)
    return figure


def _picture(figure, place, pixels) -> None:
    axes = figure.add_axes(place)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])


def _box(figure, place, text: str, edge=GREY) -> None:
    left, bottom, width, height = place
    figure.add_artist(
        matplotlib.patches.FancyBboxPatch(
            (left, bottom),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.02",
            facecolor="#f4f6f8",
            edgecolor=edge,
            transform=figure.transFigure,
        )
    )
    figure.text(
        left + width / 2,
        bottom + height / 2,
        text,
        ha="center",
        va="center",
        fontsize=8,
    )


def _arrow(figure, *points) -> None:
    """A line through points, with a head at its end."""
    xs, ys = zip(*points)
    figure.add_artist(
        matplotlib.lines.Line2D(
            xs[:-1],
            ys[:-1],
            color=GREY,
            linewidth=1.2,
            transform=figure.transFigure,
        )
    )
    figure.add_artist(
        matplotlib.patches.FancyArrowPatch(
            points[-2],
            points[-1],
            arrowstyle="-|>",
            mutation_scale=12,
            color=GREY,
            linewidth=1.2,
            shrinkA=0,
            shrinkB=0,
            transform=figure.transFigure,
        )
    )


def _digit_probabilities(axes, probabilities) -> None:
    axes.imshow(probabilities, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(config.NUM_CLASSES))
    axes.set_yticks(range(config.NUM_DIGITS), ["1st", "2nd", "3rd", "4th"])
    axes.set_xlabel("Digit")
    axes.set_title("probability of digits")


def _sums(axes, probabilities) -> None:
    axes.bar(range(config.NUM_SUMS), probabilities, color=BLUE)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 1])
    axes.set_xticks(range(0, config.NUM_SUMS, 12))
    axes.set_xlabel("Sum")
    axes.set_title("of sums")
