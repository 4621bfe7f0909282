"""Images of which only the sums are known -> images and digits with labels.

A cell reader trained on those sums reads each image that can be cut; the
known sum then narrows down which combination of digits it can be.
"""

import json
import logging
import pathlib
from typing import NamedTuple

import numpy as np

from mnist_sum_tf import config, known_sums
from mnist_sum_tf.data import digits, png_files, segments
from mnist_sum_tf.data.image_splits import split_rows, take_rows
from mnist_sum_tf.data.labelled_images import LabelledImages, read_labelled_images
from mnist_sum_tf.data.new_folders import check_new_folder, new_folder
from mnist_sum_tf.reports.labelling_sheets import draw_labels
from mnist_sum_tf.training import trained_models
from mnist_sum_tf.user_errors import UserError

BATCH_SIZE = 250


class Labels(NamedTuple):
    """The labels found for the images that could be cut.

    Attributes:
        rows: integer `[n]`, their places among all images.
        images: those images, with `digits` as found.
        digit_images: uint8 `[n, 4, 28, 28]`.
        confidence: float32 `[n]`, the digits' probability given the sum; see
            `known_sums.most_likely_digits`.
        true_digits: int32 `[n, 4]`, to compare with; `None` where unknown.
    """

    rows: np.ndarray
    images: LabelledImages
    digit_images: np.ndarray
    confidence: np.ndarray
    true_digits: np.ndarray | None

    def take(self, rows) -> "Labels":
        """The labels of these rows."""
        true_digits = self.true_digits
        return Labels(
            self.rows[rows],
            take_rows(self.images, rows),
            self.digit_images[rows],
            self.confidence[rows],
            None if true_digits is None else true_digits[rows],
        )


def label_images(
    workdir,
    images: str,
    sums: str | None,
    output_dir: str,
    min_confidence: float = 0.9,
) -> dict:
    """Finds the digits of images whose sums are known, and writes them.

    Args:
        workdir: where `train_cell_reader` trained; if on these same images, its
            split into training, validation and test images is kept.
        images: see `labelled_images.read_labelled_images`.
        sums: likewise.
        output_dir: a folder that is empty or not there yet. It gets `digits.npz`
            (single digits, for `--digits=`), `images/` (`0428_00017.png`, for
            `--images=`), `labels.json` (what is returned) and `labels.png` (some
            of them, the least sure first).
        min_confidence: labels that are less sure than this, 0 to 0.999, are left out.

    Returns:
        Numbers of images: `images`, `cut` (those that fall into four digits),
        `labelled` (surely enough: `min_confidence`); `mean_confidence` of these;
        where the digits were known, `digits_right` and `images_right`, shares of
        these; and `min_confidence`.

    Raises:
        UserError: for files that cannot be used, or if too few are labelled.
    """
    if not 0 <= min_confidence <= known_sums.SUREST:
        raise UserError(
            f"--min_confidence must be from 0 to {known_sums.SUREST}. "
            f"Received: {min_confidence}"
        )
    check_new_folder(output_dir)
    labelled = read_labelled_images(images, sums)
    found = find_labels(labelled, pathlib.Path(workdir))
    sure = {
        split: labels.take(np.flatnonzero(labels.confidence >= min_confidence))
        for split, labels in found.items()
    }
    logging.info("%s", _how_sure(found))
    arrays = _keras_layout(sure)
    summary = _summary(labelled, found, sure) | {"min_confidence": min_confidence}
    with new_folder(output_dir) as folder:
        np.savez_compressed(folder / "digits.npz", **arrays)
        _write_pngs(sure, len(labelled.images), folder / "images")
        draw_labels(*_joined(sure), folder / "labels.png")
        text = json.dumps(summary, indent=2) + "\n"
        (folder / "labels.json").write_text(text, encoding="utf-8")
    return summary


def find_labels(labelled: LabelledImages, workdir: pathlib.Path) -> dict:
    """Reads every image that can be cut, under its known sum.

    Args:
        labelled: the images; digits are not looked at.
        workdir: see `label_images`.

    Returns:
        `Labels` by split.

    Raises:
        UserError: if no cell reader was trained there.
    """
    stage_dir = workdir / "cell_reader"
    reader = trained_models.load_cell_reader(stage_dir)
    trained_models.warn_of_others(labelled, stage_dir)
    parts = split_rows(labelled, *trained_models.split_of_trained(stage_dir))
    return {split: _read(reader, labelled, rows) for split, rows in parts.items()}


def _read(reader, labelled: LabelledImages, rows: np.ndarray) -> Labels:
    can_be_cut, digit_images = segments.cut_images(labelled.images[rows])
    rows = rows[can_be_cut]
    cut = take_rows(labelled, rows)
    # `predict` wants at least one image; there may be none.
    outputs = [
        reader.predict_on_batch(segments.set_apart(digit_images[start:stop]))
        for start, stop in _batches(len(rows))
    ]
    probabilities = np.concatenate(
        [np.empty([0, config.NUM_DIGITS, config.NUM_CLASSES], np.float32)]
        + [each["digit_probabilities"] for each in outputs]
    )
    found, confidence = known_sums.most_likely_digits(probabilities, cut.sums)
    return Labels(
        rows, cut._replace(digits=found), digit_images, confidence, cut.digits
    )


def _batches(count: int) -> list[tuple[int, int]]:
    return [(i, min(i + BATCH_SIZE, count)) for i in range(0, count, BATCH_SIZE)]


def _how_sure(found: dict) -> str:
    """How sure the labels are, whatever is then chosen of them."""
    confidences = np.concatenate([labels.confidence for labels in found.values()])
    if not len(confidences):
        return "no image falls into four digits"
    return (
        f"{len(confidences):,} images fall into four digits, whose labels are "
        f"{confidences.mean():.1%} sure on average (trained longer, the cell reader "
        "is surer)"
    )


def _keras_layout(sure: dict) -> dict[str, np.ndarray]:
    """The digits as `digits.load_digits` reads them from an `.npz`.

    Its `train` is of training images only: as many validation images are kept as
    fit into the last twelfth, which is its `validation`.

    Raises:
        UserError: if they are too few for composites.
    """
    held_out = sure["validation"]
    most = len(sure["train"].confidence) // 11
    held_out = held_out.take(np.arange(len(held_out.confidence))[:most])
    parts = {"train": [sure["train"], held_out], "test": [sure["test"]]}
    arrays = {}
    for name, of_part in parts.items():
        size = config.DIGIT_SIZE
        digit_images = np.concatenate([each.digit_images for each in of_part])
        labels = np.concatenate([each.images.digits for each in of_part])
        arrays[f"x_{name}"] = digit_images.reshape(-1, size, size)
        arrays[f"y_{name}"] = labels.reshape(-1).astype(np.uint8)
    for name, fewest in (("train", digits.MIN_TRAIN), ("test", digits.MIN_TEST)):
        if len(arrays[f"y_{name}"]) < fewest:
            raise UserError(
                f"--images must hold at least {fewest} digits of the {name} part "
                "that can be cut apart and are labelled surely (--min_confidence). "
                f"Received: {len(arrays[f'y_{name}'])}"
            )
    return arrays


def _summary(labelled: LabelledImages, found: dict, sure: dict) -> dict:
    chosen = list(sure.values())
    summary = {
        "images": len(labelled.images),
        "cut": sum(len(labels.confidence) for labels in found.values()),
        "labelled": sum(len(labels.confidence) for labels in chosen),
        "mean_confidence": float(
            np.mean(np.concatenate([labels.confidence for labels in chosen]))
        ),
    }
    if labelled.digits is not None:
        is_right = np.concatenate(
            [labels.images.digits == labels.true_digits for labels in chosen]
        )
        summary["digits_right"] = float(is_right.mean())
        summary["images_right"] = float(is_right.all(axis=1).mean())
    return summary


def _write_pngs(sure: dict, num_images: int, folder: pathlib.Path) -> None:
    folder.mkdir()
    for labels in sure.values():
        images, found, *_ = labels.images
        for image, label, place in zip(images, found, labels.rows):
            png_files.write_png(folder, image, label, place, num_images)


def _joined(sure: dict) -> list[np.ndarray]:
    """All labelled images, their digits and sums, and how sure these are."""
    parts = (
        (part.images.images, part.images.digits, part.images.sums, part.confidence)
        for part in sure.values()
    )
    return [np.concatenate(each) for each in zip(*parts)]


def format_summary(summary: dict) -> str:
    """What `label_images` returns, in lines for a terminal."""
    images, cut, labelled = (summary[key] for key in ("images", "cut", "labelled"))
    lines = [
        f"{images:,} images, {cut:,} of them ({cut / images:.1%}) fall into four digits",
        f"{labelled:,} labelled, {summary['mean_confidence']:.2%} sure on average; "
        f"{cut - labelled:,} less than {100 * summary['min_confidence']:g}% sure, left out",
    ]
    if "digits_right" in summary:
        lines.append(
            f"right: {summary['digits_right']:.2%} of the digits, all four in "
            f"{summary['images_right']:.2%} of the images"
        )
    return "\n".join(lines)
