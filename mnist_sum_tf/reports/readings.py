"""Everything a model says about an image, and images it read, as pictures."""

import matplotlib
import numpy as np
import PIL.Image
from matplotlib.figure import Figure

from mnist_sum_tf import config
from mnist_sum_tf.reports.contact_sheets import draw_contact_sheet
from mnist_sum_tf.reports.evaluation_report import describe
from mnist_sum_tf.reports.plots import BLUE, STYLE, WIDTH, shortened

PLACES = ("first", "second", "third", "fourth")
LONGEST_TITLE = 45  # letters of a name, in bold as wide as the picture


@matplotlib.rc_context(STYLE)
def draw_reading(inspected) -> Figure:
    """An image, each place's probabilities, and the distribution over sums.

    Args:
        inspected: see `inspection.Inspected`.
    """
    figure = Figure((WIDTH, 4.8), layout="constrained")
    grid = figure.add_gridspec(3, config.NUM_DIGITS, height_ratios=[1.4, 1, 1])
    top = figure.add_subplot(grid[0, :])
    top.imshow(inspected.image, cmap="gray", vmin=0, vmax=255)
    top.set_axis_off()
    name, *said = str(inspected).splitlines()
    name = shortened(name, LONGEST_TITLE)
    top.set_title(f"{name}\n{'   '.join(said)}", parse_math=False)
    for place, probabilities in enumerate(inspected.digit_probabilities):
        axes = figure.add_subplot(grid[1, place])
        _bars(axes, probabilities)
        axes.set_xticks(range(config.NUM_CLASSES))
        axes.set_xlabel(f"{PLACES[place].capitalize()} digit")
        if place == 0:
            axes.set_ylabel("Probability")
    axes = figure.add_subplot(grid[2, :])
    _bars(axes, inspected.sum_probabilities)
    axes.set_xticks(range(0, config.NUM_SUMS, 2))
    axes.set_xlabel(f"Sum (the decoder says {inspected.decoder_sum:.2f})")
    axes.set_ylabel("Probability")
    return figure


def _bars(axes, probabilities) -> None:
    axes.bar(range(len(probabilities)), probabilities, color=BLUE)
    axes.set_ylim(0, 1)
    axes.grid(axis="x", visible=False)


def sheet_of(inspected: list) -> PIL.Image.Image:
    """Images with what was read in each, as one picture."""
    return draw_contact_sheet(
        np.stack([each.image for each in inspected]), list(map(str, inspected))
    )


def sheet_of_worst(worst: list, number: int) -> PIL.Image.Image:
    """The first of `answers.Answers.worst`, as one picture."""
    shown = worst[:number]
    return draw_contact_sheet(
        np.stack([each.image for each in shown]),
        ["\n".join(describe(each)) for each in shown],
    )
