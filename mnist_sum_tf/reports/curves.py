"""How a training went, as pictures."""

import matplotlib
from matplotlib.ticker import PercentFormatter

from mnist_sum_tf.reports.plots import BLUE, RED, STYLE, subplots


@matplotlib.rc_context(STYLE)
def training_curves(rows: list[dict]):
    """The loss and the validation accuracies against the step.

    Args:
        rows: see `History`; accuracies are the keys that end in
            `/sum_accuracy`.

    Returns:
        A matplotlib figure.
    """
    figure, (above, below) = subplots(4.6, 2, 1, sharex=True)
    steps, losses = _column(rows, "loss")
    # A line through one point would not be seen.
    above.plot(steps, losses, "o-" if len(steps) == 1 else "-", color=BLUE)
    above.set_ylabel("Training loss")
    above.set_title("Training")
    keys = dict.fromkeys(key for row in rows for key in row)
    for key in keys:
        if key.endswith("/sum_accuracy"):
            name = key.removesuffix("/sum_accuracy")
            below.plot(
                *_column(rows, key),
                "o-",
                markersize=4,
                label=name,
                color=RED if name == "validation" else None,
            )
    below.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    below.set_ylim(top=min(1.005, below.get_ylim()[1]))
    below.set_ylabel("Sums read right (%)")
    below.set_xlabel("Step")
    if below.lines:
        below.legend(loc="lower right")
    return figure


def _column(rows: list[dict], key: str) -> tuple[list, list]:
    """The steps that have a value, and the values."""
    found = [(row["step"], row[key]) for row in rows if key in row]
    return tuple(map(list, zip(*found))) or ([], [])
