"""How well a model reads images made of digits it has not seen."""

import dataclasses
import functools
import json
import os
import pathlib

import keras

from mnist_sum_tf import answers, confidence, config, config_check, robustness, slots
from mnist_sum_tf.atomic_files import check_writable, write_atomically
from mnist_sum_tf.evaluation_data import (
    check_layouts,
    choose_corrupted,
    choose_datasets,
)
from mnist_sum_tf.evaluation_tables import (
    format_confidence,
    format_files,
    format_samples,
    format_slots,
    format_table,
)
from mnist_sum_tf.progress import progress_bar
from mnist_sum_tf.reports.evaluation_report import write_report
from mnist_sum_tf.runtimes.keras_model import as_keras_model
from mnist_sum_tf.runtimes.loading import is_model_file, load_file
from mnist_sum_tf.runtimes.saved_model import load_as_keras_model
from mnist_sum_tf.training import metrics
from mnist_sum_tf.training.trained_models import load_sum_model
from mnist_sum_tf.user_errors import one_line, os_errors_as_user_errors

NUM_SAMPLES = 10
POOLED = "all of these"


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """What to evaluate, on what, and where to write it.

    Attributes:
        model: path of an exported model, see `load_for_evaluation`.
        workdir: a work directory, in place of `model`; `None` for none.
        layouts: names of layouts to compose digits in.
        data: where digits, or a person's own images, come from.
        split: of the digits, one of `config.SPLITS`.
        corruptions: whether to evaluate corrupted composites, too.
        output_dir: see `evaluate_and_report`.
    """

    model: str | os.PathLike
    workdir: str | None = None
    layouts: tuple[str, ...] = config.LAYOUTS
    data: config.DataConfig = config.DataConfig()
    split: str = "test"
    corruptions: bool = False
    output_dir: str | None = None


def load_and_evaluate(settings: EvaluationConfig) -> dict:
    """Loads a model and runs `evaluate_and_report` on it.

    Returns: as `evaluate_and_report`.

    Raises:
        UserError: if there is no such model, digits or images cannot be used, or
            the results not be written.
    """
    check_layouts(settings.layouts)
    config_check.check_data(settings.data)
    model = load_for_evaluation(settings.model, settings.workdir)
    named = choose_datasets(settings.layouts, settings.data, settings.split)
    corrupted = None
    if settings.corruptions:
        corrupted = choose_corrupted(settings.data, settings.split)
    return evaluate_and_report(model, named, settings.output_dir, corrupted)


def load_for_evaluation(model_path=None, workdir=None) -> keras.Model:
    """Loads an exported model, or one from a work directory.

    Args:
        model_path: a SavedModel, a folder of its versions, or a file, see
            `load_file`.
        workdir: a work directory, in place of `model_path`.

    Returns:
        A model from images, uint8 `[n, 40, 168, 1]` in 0..255 (Keras casts floats and
        does not scale them), to a dictionary with at least the outputs `answers.OUTPUTS`.

    Raises:
        UserError: if there is no model, or it cannot be loaded.
    """
    if workdir is not None:
        return load_sum_model(workdir)
    if is_model_file(model_path):
        name = one_line(os.path.basename(model_path))
        return as_keras_model(load_file(model_path), name)
    return load_as_keras_model(model_path)


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
    model_of = functools.cache(functools.partial(metrics.evaluation_model, model))
    for name, dataset in progress_bar(
        named_datasets.items(), "evaluating", leave=False
    ):
        knows_digits = "digits" in dataset.element_spec[1]
        outputs = tuple(
            name
            for name in answers.OUTPUTS
            if knows_digits or name != "digit_probabilities"
        )
        results[name] = {
            "num_images": sum(len(labels["sum"]) for _, labels in dataset),
            **metrics.evaluate(model_of(outputs), dataset, outputs),
        }
    return results


def confidence_by_name(found: dict) -> dict:
    """Calibration and confidence metrics, per data set and pooled.

    Args:
        found: name -> `Answers`.

    Returns:
        Name -> see `confidence.evaluate_confidence`; `POOLED` joins several.
    """
    if len(found) > 1:
        found = found | {POOLED: answers.join(list(found.values()))}
    return {
        name: confidence.evaluate_confidence(each.sum_probabilities, each.sums)
        for name, each in found.items()
    }


def slots_by_name(found: dict) -> dict:
    """What the encoder's slots stand for, where digits are known.

    Args:
        found: name -> `Answers`.

    Returns:
        Name -> see `slots.evaluate_slots`.
    """
    return {
        name: slots.evaluate_slots(each.digits, each.read_digits)
        for name, each in found.items()
        if each.digits is not None
    }


def side_by_side(sums, predicted) -> list[dict]:
    """The first `NUM_SAMPLES` true sums, and what a decoder says.

    Args:
        sums: integers `[n]`.
        predicted: floats `[n]`.
    """
    return [
        {"actual": int(actual), "predicted": round(float(value), 4)}
        for actual, value in zip(sums[:NUM_SAMPLES], predicted)
    ]


def least_likely_files(found: dict) -> list[dict]:
    """The `NUM_SAMPLES` files whose true sums are least likely; none of composites.

    Args:
        found: name -> `Answers`.
    """
    return [
        {
            "image": each.source,
            "actual": each.true_sum,
            "probability_of_actual": round(each.true_probability, 4),
            "read": each.sum,
            "probability_of_read": round(each.probability, 4),
        }
        for name, of_data_set in found.items()
        for each in of_data_set.worst[:NUM_SAMPLES]
        if each.source != name
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
        "samples": ..., "least_likely_files": ..., "corruptions": ...}`, the last one
        where asked for.

    Raises:
        UserError: if the folder cannot be written.
    """
    if output_dir is not None:
        with os_errors_as_user_errors(output_dir):  # Before long work.
            check_writable(output_dir)
    results = evaluate_model(model, named_datasets)
    found = answers.collect_all(model, named_datasets.items())
    evaluated = confidence_by_name(found)
    first = next(iter(found.values()))
    samples = side_by_side(first.sums, first.decoder_sums)
    print(format_table(results))
    print(format_confidence(evaluated))
    report = {"results": results, "confidence": evaluated}
    report["slots"] = slots_by_name(found)
    for name, each in report["slots"].items():
        if not slots.reads_in_order(each):
            print(format_slots(name, each))
    report["samples"] = samples
    print(format_samples(samples))
    report["least_likely_files"] = least_likely_files(found)
    if report["least_likely_files"]:
        print(format_files(report["least_likely_files"]))
    if corrupted is not None:
        spoiled = robustness.with_mean(evaluate_model(model, corrupted))
        report["corruptions"] = spoiled
        print(format_table(spoiled))
    if output_dir is not None:
        write_json(report, pathlib.Path(output_dir) / "evaluation.json")
        write_page(model, found, evaluated, output_dir)
    return report


def write_page(model, found: dict, evaluated: dict, output_dir) -> None:
    """Writes `report.html` and its pictures, see `write_report`.

    Raises:
        UserError: if the folder cannot be written.
    """
    with os_errors_as_user_errors(output_dir):
        write_report(model, found, evaluated, output_dir)


def write_json(report: dict, path: pathlib.Path, flag: str = "--output_dir") -> None:
    """Writes a report as a whole or not at all.

    Raises:
        UserError: if its folder, which the flag names, cannot be written.
    """
    with os_errors_as_user_errors(path.parent, flag):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(report, indent=2) + "\n")
