"""What an evaluation found, as `report.html` and the PNGs in it."""

import os
import pathlib
import re

import numpy as np

from mnist_sum_tf import answers, confidence
from mnist_sum_tf.atomic_files import write_atomically
from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.reports import contact_sheets, data_flow, files, page, plots

PAGE = "report.html"
CONFUSION = "confusion"  # drawn where digits are known
# By plot: what it shows, for those who cannot see it, and what is printed under it.
CAPTIONS = {
    "accuracy": (
        "Share of sums read right for each kind of image.",
        "In 95 of 100 such samples the interval holds the true share.",
    ),
    "error_by_sum": (
        "Share of wrong readings for each true sum from 0 to 36.",
        "Small and large sums are rare: few combinations give them.",
    ),
    "predicted_against_actual": (
        "Table of most likely sums against true sums, coloured by number.",
        "Errors are off the diagonal, by as much as they are wrong.",
    ),
    "reliability": (
        "Share of right readings against the stated probability.",
        "On the dashed line, the model is right as often as it says. Above it, it is "
        "underconfident; below, overconfident.",
    ),
    "risk_coverage": (
        "Share of wrong readings against the share of images answered.",
        "Dots: all images, then with the least sure 1, 2, 5 and 10 % left to a person.",
    ),
    CONFUSION: (
        "Table of digits read against true digits.",
        "Colours show errors only; grey numbers are right readings.",
    ),
}
WEIGHT = re.compile(r"([^/]+)[/_](kernel|bias|temperature)(?::0)?$")


def write_report(model, found: dict, evaluated: dict, output_dir) -> None:
    """Writes the page and its pictures.

    Args:
        model: see `load_for_evaluation`.
        found: name -> `Answers`.
        evaluated: name -> see `confidence.evaluate_confidence`; the last one is of all images.
        output_dir: folder to write to.

    Raises:
        OSError: if it cannot be written.
    """
    example = data_flow.make_example(model, load_digits(split="test"))
    pooled = answers.join(list(found.values()))
    pictures = {
        picture.name: picture
        for picture in [*draw_plots(pooled, evaluated), draw_flow(example)]
    }
    folder = pathlib.Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures.values():
        write_atomically(folder / f"{picture.name}.png", picture.png)
    if CONFUSION not in pictures:  # One of an earlier evaluation would mislead.
        (folder / f"{CONFUSION}.png").unlink(missing_ok=True)
    worst = pooled.worst
    contact_sheets.write_contact_sheet(
        [each.image for each in worst],
        ["\n".join(describe(each)) for each in worst],
        folder / "worst.png",
    )
    sections = _sections(model, evaluated, worst, pictures)
    last = list(evaluated.values())[-1]
    text = page.build(
        "How well the sums are read",
        f"{_name(model)}: {last['accuracy']:.2%} of {last['num_images']:,} "
        "sums are read right.",
        sections,
    )
    write_atomically(folder / PAGE, text)


def draw_plots(pooled: answers.Answers, evaluated: dict) -> list[page.Picture]:
    """The plots, ready for the page."""
    right = pooled.read_sums == pooled.sums
    counts = {
        name: (round(each["accuracy"] * each["num_images"]), each["num_images"])
        for name, each in evaluated.items()
    }
    figures = {
        "accuracy": plots.accuracy_by_dataset(counts),
        "error_by_sum": plots.error_by_sum(pooled.sums, pooled.read_sums),
        "predicted_against_actual": plots.predicted_against_actual(
            pooled.sums, pooled.read_sums
        ),
        "reliability": plots.reliability_diagram(pooled.confidences, right),
        "risk_coverage": plots.risk_coverage_curve(pooled.confidences, right),
    }
    if pooled.digits is not None:
        figures[CONFUSION] = plots.digit_confusion(pooled.digits, pooled.read_digits)
    return [
        page.Picture(name, files.figure_png(figure), *CAPTIONS[name])
        for name, figure in figures.items()
    ]


def draw_flow(example: data_flow.Example) -> page.Picture:
    return page.Picture(
        "data_flow",
        files.figure_png(data_flow.draw(example)),
        "Four digits become a composite, the encoder's logits, and from these "
        "the decoder's sum and the exact distribution of sums.",
        "A composite of four of MNIST's test digits on its way, with this model's own answers. "
        "The softmax of the lower branch is taken at the calibrated temperature.",
    )


def _sections(model, evaluated, worst, pictures) -> list[page.Section]:
    def shown(*names):
        return [page.figure(pictures[n]) for n in names if n in pictures]

    return [
        page.Section(
            "Accuracy",
            [
                *shown("accuracy", CONFUSION, "error_by_sum"),
                *shown("predicted_against_actual"),
            ],
        ),
        page.Section(
            "Confidence",
            [
                *shown("reliability"),
                confidence_table(evaluated),
                *shown("risk_coverage"),
                coverage_table(evaluated),
            ],
        ),
        page.Section(
            "The worst images",
            [
                page.paragraph(
                    f"The {len(worst)} images whose true sum the model found least "
                    "likely."
                ),
                page.gallery(
                    (each.image, f"Image of the sum {each.true_sum}", describe(each))
                    for each in worst
                ),
            ],
        ),
        page.Section("The model", [*shown("data_flow"), *describe_size(model)]),
    ]


def confidence_table(evaluated: dict) -> page.Raw:
    header = [
        "images of",
        "number",
        "right",
        "95 % interval",
        "calibration error",
        "NLL (nats)",
        "Brier score",
    ]
    return page.table(
        header,
        [
            [
                name,
                f"{each['num_images']:,}",
                f"{each['accuracy']:.2%}",
                "{:.2%} to {:.2%}".format(*_interval(each)),
                f"{each['ece']:.2%}",
                f"{each['nll']:.4f}",
                f"{each['brier']:.4f}",
            ]
            for name, each in evaluated.items()
        ],
    )


def _interval(each: dict):
    number = each["num_images"]
    return confidence.wilson_interval(round(each["accuracy"] * number), number)


def coverage_table(evaluated: dict) -> page.Raw:
    shares = [f"{share:.0%}" for share in confidence.SET_ASIDE]
    return page.table(
        ["least sure set aside", *shares],
        [
            [name, *(f"{row['accuracy']:.2%}" for row in each["risk_coverage"])]
            for name, each in evaluated.items()
        ],
    )


def describe(worst: answers.WorstImage) -> list[str]:
    """Three lines: what was read, what is true, and where it is from."""
    read = f"read {contact_sheets.addition(worst.digits, worst.sum)}"
    true = f"true {contact_sheets.addition(worst.true_digits, worst.true_sum)}"
    return [
        f"{read}, {worst.probability:.1%}",
        f"{true}, {worst.true_probability:.1%}",
        worst.source,
    ]


def describe_size(model) -> list[page.Raw]:
    """The model's layers with their weights' shapes, and its size."""
    shapes = weight_shapes(model)
    if not shapes:
        return [page.paragraph("A model file, whose layers cannot be listed.")]
    total = sum(int(np.prod(shape)) for *_, shape in shapes)
    rows = [
        [
            layer,
            kind,
            "×".join(map(str, shape)) or "1",
            f"{np.prod(shape, dtype=int):,}",
        ]
        for layer, kind, shape in shapes
    ]
    size = f"{total:,} numbers, {4 * total / 1e6:.1f} MB in float32"
    exported = _exported_path(model)
    if exported is not None:
        every = [path for path in exported.rglob("*") if path.is_file()]
        written = sum(path.stat().st_size for path in every)
        size += f"; {written / 1e6:.1f} MB exported"
    return [
        page.paragraph(f"{size}."),
        page.table(["layer", "weight", "shape", "numbers"], rows),
    ]


def weight_shapes(model) -> list[tuple[str, str, tuple[int, ...]]]:
    """(layer, `kernel`, `bias` or `temperature`, shape) of each weight."""
    matches = [(WEIGHT.search(w.path), tuple(w.shape)) for w in model.weights]
    return [(match[1], match[2], shape) for match, shape in matches if match]


def _exported_path(model) -> pathlib.Path | None:
    """The folder of the SavedModel that a model wraps, if it does."""
    for layer in model.layers:
        if hasattr(layer, "call_endpoint"):
            return pathlib.Path(layer.get_config()["filepath"]).absolute()
    return None


def _name(model) -> str:
    path = _exported_path(model)
    return model.name if path is None else os.path.join(*path.parts[-2:])
