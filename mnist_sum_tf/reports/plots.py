"""Pictures of how well a model reads, one function each.

They use matplotlib's figures without pyplot, which keeps global state. Sizes are
in inches, as the pictures are to be printed.
"""

import math

import matplotlib.colors
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator, PercentFormatter

from mnist_sum_tf import confidence, config

WIDTH = 6.5  # of a page's text
BLUE, RED, GREY, LIGHT = "#1f5fa8", "#b3261e", "#5f6368", "#dadce0"
STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
}
LONGEST_NAME = 30  # of a data set; 40 would leave the axes a quarter of the width
SHOWN_COVERAGE = 0.7  # the curve begins where 30 % are set aside
LABEL = (0.08, 0.04)  # a label's width and height, as shares of the curve's axes


def subplots(height: float, *args, **kwargs):
    """A figure as wide as a page's text, and its axes."""
    figure = Figure((WIDTH, height), layout="constrained")
    return figure, figure.subplots(*args, **kwargs)


@matplotlib.rc_context(STYLE)
def accuracy_by_dataset(counts: dict) -> Figure:
    """The share of sums read right with its 95 % interval.

    Args:
        counts: name -> (how many sums were right, how many there were).
    """
    figure, axes = subplots(0.9 + 0.36 * len(counts))
    names = list(counts)[::-1]
    axes.set_yticks(range(len(names)), map(shortened, names), parse_math=False)
    for row, name in enumerate(names):
        right, number = counts[name]
        low, high = confidence.wilson_interval(right, number)
        axes.plot([low, high], [row, row], color=BLUE, linewidth=2)
        axes.plot(right / number, row, "o", color=BLUE)
        text = f" {right / number:.2%}  ({low:.2%} to {high:.2%})"
        axes.annotate(
            text,
            (1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            annotation_clip=False,
        )
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.xaxis.set_major_formatter(PercentFormatter(1, 1, symbol=""))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xlabel("Sums read right (% of images), 95 % Wilson interval")
    axes.set_title("Accuracy by kind of image")
    return figure


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """Shortens a name to its end, which leaves room for the axes."""
    return name if len(name) <= longest else "…" + name[1 - longest :]


@matplotlib.rc_context(STYLE)
def digit_confusion(digits, read) -> Figure:
    """How often each digit was taken for each other one.

    Args:
        digits: integers in 0..9, the true ones, of any shape.
        read: of the same shape.
    """
    pairs = np.ravel(digits) * config.NUM_CLASSES + np.ravel(read)
    table = np.bincount(pairs, minlength=100).reshape(10, 10)
    errors = np.where(np.eye(10, dtype=bool), np.nan, table)
    figure, axes = subplots(5.2)
    most = max(1, np.nanmax(errors))
    picture = axes.imshow(errors, cmap="OrRd", vmin=0, vmax=most)
    axes.grid(False)
    for (row, column), count in np.ndenumerate(table):
        dark = row != column and count > 0.6 * most
        axes.text(
            column,
            row,
            f"{count:,}" if count else "·",
            ha="center",
            va="center",
            fontsize=7.5,
            color="white" if dark else GREY if row == column else "black",
        )
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.set_xlabel("Digit read")
    axes.set_ylabel("True digit")
    figure.colorbar(
        picture,
        label="Digits misread (number)",
        shrink=0.8,
        ticks=MaxNLocator(6, integer=True),
    )
    share = np.trace(table) / table.sum()
    axes.set_title(f"Digits: {share:.2%} of {table.sum():,} read right")
    return figure


@matplotlib.rc_context(STYLE)
def error_by_sum(sums, read_sums) -> Figure:
    """The share of wrong readings by true sum, with its 95 % interval.

    Args:
        sums, read_sums: integers `[n]` in 0..36.
    """
    number = np.bincount(sums, minlength=config.NUM_SUMS)
    wrong = np.bincount(sums[sums != read_sums], minlength=config.NUM_SUMS)
    figure, (above, below) = subplots(4.2, 2, 1, sharex=True, height_ratios=[3, 1])
    there = np.flatnonzero(number)
    intervals = [
        confidence.wilson_interval(wrong[total], number[total]) for total in there
    ]
    # Where images are many, a few rare sums have intervals that reach far up.
    usual = 1.05 * np.median([high for _, high in intervals])
    top = min(1.05, max(0.02, usual, 1.5 * np.max(wrong[there] / number[there])))
    for total, (low, high) in zip(there, intervals):
        above.plot([total, total], [low, high], color=LIGHT, linewidth=4)
        if high > top:
            above.plot(total, top, "^", color=GREY, clip_on=False)
    above.plot(there, wrong[there] / number[there], "o", color=RED, markersize=4)
    above.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    above.set_ylim(-0.03 * top, top)
    above.set_ylabel("Read wrong (%)")
    above.set_title("Error by true sum (bars: 95 % Wilson intervals; ▲: up to more)")
    below.bar(range(config.NUM_SUMS), number, color=BLUE)
    below.set_ylabel("Images")
    below.set_xlabel("True sum")
    below.set_xticks(range(0, config.NUM_SUMS, 4))
    return figure


@matplotlib.rc_context(STYLE)
def predicted_against_actual(sums, read_sums) -> Figure:
    """How many images of each true sum were read as each sum.

    Args: as `error_by_sum`.
    """
    size = config.NUM_SUMS
    table = np.bincount(read_sums * size + sums, minlength=size * size)
    table = table.reshape(size, size).astype(float)
    table[table == 0] = np.nan
    figure, axes = subplots(5.2)
    scale = matplotlib.colors.LogNorm(1, max(2, np.nanmax(table)))
    picture = axes.imshow(table, origin="lower", cmap="viridis_r", norm=scale, zorder=2)
    axes.set_xticks(range(0, size, 4))
    axes.set_yticks(range(0, size, 4))
    axes.set_xlabel("True sum")
    axes.set_ylabel("Most likely sum")
    figure.colorbar(
        picture,
        label="Images (number, logarithmic)",
        shrink=0.8,
        format=LogFormatter(minor_thresholds=(3, 2)),
    )
    right = np.mean(sums == read_sums)
    axes.set_title(f"Sums: {right:.2%} of {len(sums):,} on the diagonal")
    return figure


@matplotlib.rc_context(STYLE)
def reliability_diagram(confidences, right) -> Figure:
    """How often readings are right, against how sure the model was.

    Args:
        confidences: floats `[n]` in 0..1.
        right: booleans `[n]`.
    """
    bins = [
        each for each in confidence.reliability_bins(confidences, right) if each.number
    ]
    figure, (above, below) = subplots(5.2, 2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], "--", color=GREY, label="perfectly calibrated")
    for each in bins:
        low, high = confidence.wilson_interval(
            round(each.accuracy * each.number), each.number
        )
        above.plot([each.confidence] * 2, [low, high], color=BLUE, alpha=0.5)
    above.plot(
        [each.confidence for each in bins],
        [each.accuracy for each in bins],
        "o",
        color=BLUE,
        label="readings of a bin, 95 % Wilson interval",
    )
    above.legend(loc="upper left")
    above.set_ylabel("Right (share of images)")
    error = confidence.expected_calibration_error(confidences, right)
    above.set_title(f"Reliability: expected calibration error {error:.2%}")
    below.bar(
        [each.lower for each in bins],
        [each.number for each in bins],
        1 / confidence.NUM_BINS,
        align="edge",
        color=BLUE,
        edgecolor="white",
    )
    below.set_yscale("log")
    below.set_ylim(bottom=0.5)  # else one image would have a bar of no height
    below.set_ylabel("Images")
    below.set_xlabel("Probability of the most likely sum")
    return figure


@matplotlib.rc_context(STYLE)
def risk_coverage_curve(confidences, right) -> Figure:
    """The share of wrong readings when only the surest are answered.

    Args: as `reliability_diagram`.
    """
    risk = 1 - confidence.accuracy_by_number(confidences, right)
    number = len(risk)
    first = min(math.ceil(SHOWN_COVERAGE * number), number) - 1
    coverage = np.arange(1, number + 1) / number
    figure, axes = subplots(3.6)
    axes.plot(coverage[first:], risk[first:], color=BLUE)
    top = 1.2 * max(risk[first:].max(), 1e-3)
    rows = confidence.risk_coverage(confidences, right)
    places = [(row["number"] / number, 1 - row["accuracy"]) for row in rows]
    axes.plot(*zip(*places), "o", color=RED, markersize=5)
    for place in _apart(places, (1 - SHOWN_COVERAGE, top)):
        axes.annotate(
            f"{place[1]:.2%}", place, (-2, 7), ha="right", textcoords="offset points"
        )
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0, symbol=""))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_ylim(-0.03 * top, top)  # else the line would hide in the axis
    axes.set_xlabel("Coverage: images answered, the surest first (%)")
    axes.set_ylabel("Risk: of these, read wrong (%)")
    wrong = number - round(number * (1 - risk[-1]))
    axes.set_title(f"Risk and coverage: {wrong:,} of {number:,} read wrong")
    return figure


def _apart(places: list[tuple], sides: tuple[float, float]) -> list[tuple]:
    """The places whose labels do not overlap that of an earlier one."""
    kept = []
    for place in places:
        distances = [np.abs(np.subtract(place, each)) / sides for each in kept]
        if all((distance >= LABEL).any() for distance in distances):
            kept.append(place)
    return kept
