"""What stands in the pictures, number by number."""

import numpy as np
import pytest

from mnist_sum_tf import confidence
from mnist_sum_tf.reports import files, plots


def points(axes) -> list:
    """The places of all dots, in the order they were drawn."""
    return [
        place
        for line in axes.lines
        if line.get_marker() == "o"
        for place in zip(*map(np.atleast_1d, line.get_data()))
    ]


def test_accuracy_and_its_interval():
    figure = plots.accuracy_by_dataset({"easy": (90, 100), "hard": (5, 10)})
    (axes,) = figure.axes
    # The first one stands on top.
    assert points(axes) == [(0.5, 0), (0.9, 1)]
    low, high = confidence.wilson_interval(90, 100)
    assert list(axes.lines[2].get_xdata()) == [low, high]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "hard",
        "easy",
    ]
    written = [text.get_text().strip() for text in axes.texts]
    assert written[1] == f"90.00%  ({low:.2%} to {high:.2%})"


def test_a_long_path_leaves_the_axes_their_room():
    path = "/".join(["", *["images"] * 20, "mine"])
    figure = plots.accuracy_by_dataset({path: (90, 100)})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_position().width > 0.3
    (label,) = axes.get_yticklabels()
    assert len(label.get_text()) == 30 and label.get_text().endswith("images/mine")


def test_confusion_counts_pairs_and_colours_errors():
    figure = plots.digit_confusion(
        [[7, 7, 7, 2], [7, 2, 0, 0]], [[7, 1, 1, 2], [7, 2, 0, 6]]
    )
    axes = figure.axes[0]
    written = np.array([t.get_text() for t in axes.texts]).reshape(10, 10)
    assert written[7, 7] == "2" and written[7, 1] == "2"
    assert written[0, 6] == "1" and written[1, 7] == "·"
    colours = axes.images[0].get_array()
    assert colours.mask[7, 7] and colours[7, 1] == 2 and colours[0, 6] == 1
    assert axes.get_title("left") == "Digits: 62.50% of 8 read right"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Digit read", "True digit")


def test_error_by_sum():
    sums, read = np.array([3, 3, 3, 3, 20, 20]), np.array([3, 4, 3, 3, 20, 20])
    above, below = plots.error_by_sum(sums, read).axes
    assert points(above) == [(3, 0.25), (20, 0)]
    # Of four and of two images the intervals reach up to 70 and 66 %.
    assert above.get_ylim() == pytest.approx((-0.0214, 0.7124), abs=5e-5)
    assert "^" not in [line.get_marker() for line in above.lines]
    heights = [bar.get_height() for bar in below.patches]
    assert len(heights) == 37 and heights[3] == 4 and heights[20] == 2
    assert sum(heights) == 6


def test_rare_sums_do_not_squeeze_the_others_errors():
    sums = np.repeat([3, 20, 21], [1, 1000, 1000])
    above, _ = plots.error_by_sum(sums, np.where(np.arange(2001) < 11, 0, sums)).axes
    assert above.get_ylim()[1] == 1.05  # the only image of the sum 3 is read wrong
    read = np.where(np.arange(2001) == 1, 0, sums)
    above, _ = plots.error_by_sum(sums, read).axes
    marks = [line for line in above.lines if line.get_marker() == "^"]
    assert above.get_ylim()[1] == 0.02
    assert [line.get_xydata().tolist() for line in marks] == [[[3, 0.02]]]


@pytest.mark.parametrize("number", [1, 12, 100])
def test_the_intervals_of_a_few_images_are_seen(number):
    sums = np.arange(number) % 37
    above, _ = plots.error_by_sum(sums, sums).axes
    _, usual = confidence.wilson_interval(0, -(-number // 37))
    assert usual < above.get_ylim()[1] == pytest.approx(1.05 * usual)


def test_predicted_against_actual():
    figure = plots.predicted_against_actual(np.array([3, 3, 36]), np.array([3, 5, 36]))
    table = figure.axes[0].images[0].get_array()
    assert table[3, 3] == 1 and table[5, 3] == 1 and table[36, 36] == 1
    assert np.ma.count(table) == 3
    assert figure.axes[0].get_title("left").startswith("Sums: 66.67% of 3 ")


def test_reliability_shows_the_bins():
    confidences = np.array([0.95, 0.97, 0.5, 0.5])
    right = np.array([True, True, True, False])
    above, below = plots.reliability_diagram(confidences, right).axes
    assert points(above) == [(pytest.approx(0.5), 0.5), (pytest.approx(0.96), 1)]
    assert [bar.get_height() for bar in below.patches] == [2, 2]
    assert [bar.get_x() for bar in below.patches] == [7 / 15, 14 / 15]
    assert above.get_title("left").endswith("error 2.00%")


def test_bars_of_one_image_have_a_height():
    confidences = np.array([0.5, *[0.99] * 11])
    _, below = plots.reliability_diagram(confidences, confidences > 0).axes
    assert [bar.get_height() for bar in below.patches] == [1, 11]
    assert below.get_ylim()[0] == 0.5


def test_risk_and_coverage():
    confidences = np.linspace(0.01, 1, 100)
    right = np.arange(100) >= 4
    (axes,) = plots.risk_coverage_curve(confidences, right).axes
    assert points(axes) == [
        (1, pytest.approx(4 / 100)),
        (0.99, pytest.approx(3 / 99)),
        (0.98, pytest.approx(2 / 98)),
        (0.95, 0),
        (0.9, 0),
    ]
    curve = axes.lines[0].get_data()
    assert curve[0][0] == 0.7 and curve[0][-1] == 1 and curve[1][0] == 0
    # At 99, 98 and 95 %, each lower than the one before by more than its height.
    assert [label.get_text() for label in axes.texts] == [
        "4.00%",
        "3.03%",
        "2.04%",
        "0.00%",
        "0.00%",
    ]


def test_the_curve_counts_what_was_read_wrong():
    right = np.arange(10) > 0
    (axes,) = plots.risk_coverage_curve(np.linspace(0.1, 1, 10), right).axes
    assert axes.get_title("left") == "Risk and coverage: 1 of 10 read wrong"


@pytest.mark.parametrize(
    ("number", "wrong", "written"),
    [
        (1, 1, ["100.00%"]),
        (12, 0, ["0.00%", "0.00%"]),
        (100, 1, ["1.00%", "1.05%", "1.11%"]),  # 1.01 and 1.02 % stand too near
    ],
)
def test_no_label_of_the_curve_covers_another(number, wrong, written):
    """The surest are the wrong ones, so that setting others aside lifts the curve."""
    confidences = np.linspace(1, 0.5, number)
    right = np.arange(number) >= wrong
    figure = plots.risk_coverage_curve(confidences, right)
    assert [label.get_text() for label in figure.axes[0].texts] == written
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].texts]
    assert not any(
        one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i]
    )


def test_a_few_images_are_enough():
    one, yes = np.array([7]), np.array([True])
    for figure in (
        plots.error_by_sum(one, one),
        plots.predicted_against_actual(one, one),
        plots.reliability_diagram(np.array([1.0]), yes),
        plots.risk_coverage_curve(np.array([1.0]), ~yes),
    ):
        assert files.figure_png(figure).startswith(b"\x89PNG")


def test_equal_figures_give_equal_files_of_the_printed_size():
    first, second = (
        files.figure_png(plots.accuracy_by_dataset({"a": (1, 2)})) for _ in range(2)
    )
    assert first == second
    width = int.from_bytes(first[16:20], "big")
    assert width == round(plots.WIDTH * files.DOTS_PER_INCH)
