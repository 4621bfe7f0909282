"""What is evaluated, and what is printed of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf import config, evaluation, evaluation_data
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.models.sum_distribution import SumOfDigits

DIGITS = np.array([[first, 1, third, 9] for first in (3, 5) for third in range(2, 8)])


@pytest.fixture(scope="module")
def model():
    """Reads digits off the first four rows of pixels, and their sum."""
    images = keras.Input((40, 168, 1))
    digits = images[:, :4, :10, 0]
    values = keras.ops.arange(10, dtype="float32")
    outputs = {
        "digit_probabilities": digits,
        "sum_probabilities": SumOfDigits()(digits),
        "sum": keras.ops.sum(digits * values, axis=(1, 2)),
    }
    return keras.Model(images, outputs)


def dataset(labelled):
    """Twelve images on which the model reads `DIGITS`."""
    images = np.zeros((12, 40, 168, 1), np.float32)
    images[:, :4, :10, 0] = np.eye(10)[DIGITS]
    labels = {"digits": labelled, "sum": labelled.sum(axis=1)}
    labels = {name: values.astype(np.int32) for name, values in labels.items()}
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(12)


def test_slots_are_printed_where_they_are_out_of_order(model, capsys):
    named = {"ordered": dataset(DIGITS), "mirrored": dataset(DIGITS[:, ::-1])}
    evaluation.evaluate_and_report(model, named)
    printed = capsys.readouterr().out
    assert "mirrored: agrees with" in printed
    assert "ordered: agrees with" not in printed


def test_samples_are_the_first_ten_images(model):
    """3 + 1 + 2 + 9 is 15."""
    named = {"first": dataset(DIGITS), "other": dataset(DIGITS[:, ::-1])}
    samples = evaluation.evaluate_and_report(model, named)["samples"]
    sums = [15, 16, 17, 18, 19, 20, 17, 18, 19, 20]
    assert samples == [{"actual": each, "predicted": each} for each in sums]


def test_files_are_named_whose_sums_are_least_likely(model, capsys):
    """A model that is sure: what is true has no probability where it is wrong."""
    wrong = DIGITS.copy()
    wrong[[2, 7], 3] = 0  # sums 8 and 9 where 17 and 18 are read
    names = tf.data.Dataset.from_tensor_slices([f"{i}.png" for i in range(12)])

    def add(images_and_labels, names):
        images, labels = images_and_labels
        return images, labels | {"name": names}

    named = tf.data.Dataset.zip(dataset(wrong), names.batch(12)).map(add)
    report = evaluation.evaluate_and_report(model, {"mine": named})
    first, second, third, *_ = report["least_likely_files"]
    assert first == {
        "image": "2.png",
        "actual": 8,
        "probability_of_actual": 0.0,
        "read": 17,
        "probability_of_read": 1.0,
    }
    assert (second["image"], second["actual"], second["read"]) == ("7.png", 9, 18)
    assert third["probability_of_actual"] == 1 and third["actual"] == third["read"]
    assert len(report["least_likely_files"]) == evaluation.NUM_SAMPLES
    printed = capsys.readouterr().out
    assert "2.png                8         0.0%        17       100.0%" in printed
    plain = evaluation.evaluate_and_report(model, {"mine": dataset(wrong)})
    assert plain["least_likely_files"] == []


@pytest.mark.parametrize("split", [None, "validation"])
def test_digits_are_those_asked_for(digit_images, digit_labels, monkeypatch, split):
    asked = []

    def load_digits(source, split, tfds_data_dir=None):
        asked.append((source, split, tfds_data_dir))
        return Digits(digit_images, digit_labels)

    monkeypatch.setattr(evaluation_data, "load_digits", load_digits)
    data = config.DataConfig(digits="tfds", tfds_data_dir="folder")
    chosen = () if split is None else (split,)
    evaluation_data.choose_datasets(["tiled"], data, *chosen)
    evaluation_data.choose_corrupted(data, *chosen)
    assert asked == [("tfds", split or "test", "folder")] * 2
