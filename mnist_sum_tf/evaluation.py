"""How well a model reads images made of digits it has not seen."""

import functools
import json
import os
import pathlib

import keras
import tensorflow as tf
import tqdm

from mnist_sum_tf import answers, confidence, config, robustness, slots
from mnist_sum_tf.data import datasets
from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.data.new_folders import failed_writes_told
from mnist_sum_tf.evaluation_tables import (
    format_confidence,
    format_samples,
    format_slots,
    format_table,
)
from mnist_sum_tf.reports.evaluation_report import write_report
from mnist_sum_tf.runtimes.keras_model import as_keras_model
from mnist_sum_tf.runtimes.loading import is_model_file, load_file
from mnist_sum_tf.runtimes.saved_model import load_as_keras_model
from mnist_sum_tf.training import metrics
from mnist_sum_tf.training.trained_models import load_sum_model
from mnist_sum_tf.whole_files import check_writable, write_whole

NUM_SAMPLES = 10
POOLED = "all of these"
JUDGED = answers.OUTPUTS


def load_for_evaluation(model_path=None, workdir=None) -> keras.Model:
    """Loads an exported model, or one from a work directory.

    Args:
        model_path: a SavedModel, a folder of its versions, or a file, see
            `load_file`.
        workdir: a work directory, in place of `model_path`.

    Returns:
        A model from images to a dictionary with at least the outputs `JUDGED`.

    Raises:
        UserError: if there is no model, or it cannot be loaded.
    """
    if workdir is not None:
        return load_sum_model(workdir)
    if is_model_file(model_path):
        name = config.one_line(os.path.basename(model_path))
        return as_keras_model(load_file(model_path), name)
    return load_as_keras_model(model_path)


def check_layouts(layouts) -> None:
    """Raises a `UserError` unless there are some, and each is one of `LAYOUTS`."""
    if not layouts or {*layouts} - {*config.LAYOUTS}:
        raise config.UserError(
            f"--layouts must name at least one of {', '.join(config.LAYOUTS)}. "
            f"Received: {','.join(layouts) or 'none'}"
        )


def choose_datasets(layouts, data: config.DataConfig, split="test") -> dict:
    """A person's own images where the settings name some, else composites.

    Composites use every digit of the split exactly once per layout.

    Args:
        layouts: names of layouts.
        data: where digits or images come from.
        split: one of `config.SPLITS`.

    Returns:
        Name of the layout or of the images -> `tf.data.Dataset`; labels of a person's
        own images hold `"name"`, too.

    Raises:
        UserError: if the images or digits cannot be used.
    """
    if data.images is not None:
        labelled = datasets.read_labelled_images(data.images, data.sums)
        return {config.one_line(data.images): _with_names(labelled)}
    digits = load_digits(data.digits, split, data.tfds_data_dir)
    # Counted, judged and collected: composed once.
    return {
        layout: datasets.evaluation_dataset(
            digits, layout, config.EVALUATION_SEED, config.EVALUATION_BATCH_SIZE
        ).cache()
        for layout in layouts
    }


def _with_names(labelled) -> tf.data.Dataset:
    """All images once, their labels with `"name"`, string `[batch]`, of their files."""
    names = labelled.names or [f"number {row}" for row in range(len(labelled.images))]
    size = config.EVALUATION_BATCH_SIZE
    names = tf.data.Dataset.from_tensor_slices([*map(os.fsencode, names)]).batch(size)

    def add(images_and_labels, names):
        images, labels = images_and_labels
        return images, labels | {"name": names}

    return tf.data.Dataset.zip(datasets.once_dataset(labelled, size), names).map(
        tf.autograph.experimental.do_not_convert(add)
    )


def choose_corrupted(data: config.DataConfig, split="test") -> dict:
    """Composites of a split, clean and corrupted, see `corrupted_datasets`.

    Raises:
        UserError: if the digits cannot be used.
    """
    digits = load_digits(data.digits, split, data.tfds_data_dir)
    return robustness.corrupted_datasets(digits, config.EVALUATION_BATCH_SIZE)


def evaluate_model(model: keras.Model, named_datasets: dict) -> dict:
    """Runs `model.evaluate` on each data set.

    Args:
        model: see `load_for_evaluation`.
        named_datasets: name -> data set of images and labels.

    Returns:
        Name -> {"num_images": int, metric: float, ...}; the metrics of digits
        are missing where only sums are known.
    """
    results = {}
    # Compiled once for all data sets.
    judged_model = functools.cache(functools.partial(metrics.judged_model, model))
    for name, dataset in tqdm.tqdm(named_datasets.items(), "evaluating", leave=False):
        knows_digits = "digits" in dataset.element_spec[1]
        judged = JUDGED if knows_digits else JUDGED[1:]
        results[name] = {
            "num_images": sum(len(labels["sum"]) for _, labels in dataset),
            **metrics.evaluate(judged_model(judged), dataset, judged),
        }
    return results


def judge_answers(found: dict) -> dict:
    """How much the stated probabilities are worth, per data set and pooled.

    Args:
        found: name -> `Answers`.

    Returns:
        Name -> see `judge_confidence`; `POOLED` joins several.
    """
    if len(found) > 1:
        found = found | {POOLED: answers.join(list(found.values()))}
    return {
        name: confidence.judge_confidence(each.sum_probabilities, each.sums)
        for name, each in found.items()
    }


def judge_slots(found: dict) -> dict:
    """What the encoder's slots stand for, where digits are known.

    Args:
        found: name -> `Answers`.

    Returns:
        Name -> see `slots.judge_slots`.
    """
    return {
        name: slots.judge_slots(each.digits, each.read_digits)
        for name, each in found.items()
        if each.digits is not None
    }


def sample_predictions(model: keras.Model, dataset) -> list[dict]:
    """The first images' true sums beside what the decoder says."""
    images, labels = next(iter(dataset))
    predicted = model(images[:NUM_SAMPLES])["sum"].numpy()
    return side_by_side(labels["sum"].numpy(), predicted)


def side_by_side(sums, predicted) -> list[dict]:
    """The first `NUM_SAMPLES` true sums, and what a decoder says.

    Args:
        sums: integers `[n]`.
        predicted: floats `[m]`; of the first m images.
    """
    return [
        {"actual": int(actual), "predicted": round(float(value), 4)}
        for actual, value in zip(sums[:NUM_SAMPLES], predicted)
    ]


def evaluate_and_report(
    model: keras.Model, named_datasets: dict, output_dir=None, corrupted=None
) -> dict:
    """Evaluates, prints the tables and the samples, writes JSON and a page.

    Args:
        model: see `load_for_evaluation`.
        named_datasets: name -> data set.
        output_dir: folder for `evaluation.json`, `report.html` and the page's
            pictures; `None` writes nothing.
        corrupted: see `choose_corrupted`; not evaluated where `None`.

    Returns:
        What the JSON holds: `{"results": ..., "confidence": ..., "slots": ...,
        "samples": ..., "corruptions": ...}`, the last one where asked for.

    Raises:
        UserError: if the folder cannot be written.
    """
    if output_dir is not None:
        with failed_writes_told(str(output_dir)):  # Before minutes of work.
            check_writable(output_dir)
    results = evaluate_model(model, named_datasets)
    found = answers.collect_all(model, named_datasets.items())
    judged = judge_answers(found)
    samples = sample_predictions(model, next(iter(named_datasets.values())))
    print(format_table(results))
    print(format_confidence(judged))
    report = {"results": results, "confidence": judged}
    report["slots"] = judge_slots(found)
    for name, each in report["slots"].items():
        if not slots.reads_in_order(each):
            print(format_slots(name, each))
    report["samples"] = samples
    print(format_samples(samples))
    if corrupted is not None:
        spoiled = robustness.with_mean(evaluate_model(model, corrupted))
        report["corruptions"] = spoiled
        print(format_table(spoiled))
    if output_dir is not None:
        write_json(report, pathlib.Path(output_dir) / "evaluation.json")
        write_page(model, found, judged, output_dir)
    return report


def write_page(model, found: dict, judged: dict, output_dir) -> None:
    """Writes `report.html` and its pictures, see `write_report`.

    Raises:
        UserError: if the folder cannot be written.
    """
    with failed_writes_told(str(output_dir)):
        write_report(model, found, judged, output_dir)


def write_json(report: dict, path: pathlib.Path, flag: str = "--output_dir") -> None:
    """Writes a report as a whole or not at all.

    Raises:
        UserError: if its folder, which the flag names, cannot be written.
    """
    with failed_writes_told(str(path.parent), flag):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(report, indent=2) + "\n")
