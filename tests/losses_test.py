"""Losses and metrics against numbers worked by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.training import losses, metrics


def test_digit_cross_entropy_of_flat_and_sure_logits():
    logits = np.zeros((2, 4, 10), "float32")
    logits[1, :, 7] = np.log(9.0)  # probability 9 / (9 + 9) = 1/2
    found = losses.digit_cross_entropy(tf.constant([[1, 2, 3, 4], [7] * 4]), logits)
    np.testing.assert_allclose(found, [4 * np.log(10), 4 * np.log(2)], rtol=1e-6)


def test_probabilities_of_digits_weigh_the_surprise():
    targets = np.array([[[0.75, 0.25] + [0] * 8] * 4], "float32")
    logits = np.log([[[0.5, 0.25] + [0.25 / 8] * 8] * 4])
    loss = losses.target_cross_entropy(targets, logits.astype("float32"))
    expected = 4 * (0.75 * np.log(2) + 0.25 * np.log(4))
    np.testing.assert_allclose(loss, [expected], rtol=1e-6)


def test_sum_negative_log_likelihood():
    probabilities = np.zeros((3, 37), "float32")
    probabilities[0, 5], probabilities[1, 36] = 0.25, 1.0
    found = losses.sum_negative_log_likelihood([5, 36, 0], probabilities)
    np.testing.assert_allclose(
        found, [np.log(4), 0, -np.log(1e-20)], rtol=1e-5, atol=1e-6
    )


def test_slots_that_share_the_sum_are_correlated():
    # Every slot a quarter of the sum: 1 1 1 1 and 5 5 5 5. All covariances are
    # 2 * 2 = 4.
    shares = np.eye(10, dtype="float32")[[[1] * 4, [5] * 4]]
    found = losses.slot_covariance(shares)
    np.testing.assert_allclose(found, (4 / 8.25) ** 2, rtol=1e-6)


def test_independent_slots_are_not_correlated():
    # All sixteen ways to draw four digits from 3 and 8.
    digits = np.stack(np.meshgrid(*[[3, 8]] * 4), axis=-1).reshape(-1, 4)
    probabilities = np.eye(10, dtype="float32")[digits]
    np.testing.assert_allclose(losses.slot_covariance(probabilities), 0, atol=1e-6)


def test_slots_that_do_not_vary_are_not_correlated():
    """However much their digits differ from each other."""
    probabilities = np.eye(10, dtype="float32")[[[0, 9, 0, 9]] * 2]
    assert losses.slot_covariance(probabilities) == 0


def test_squared_and_absolute_error():
    sums, predicted = tf.constant([10, 20]), tf.constant([10.5, 17.0])
    np.testing.assert_allclose(losses.squared_error(sums, predicted), [0.25, 9])
    np.testing.assert_allclose(metrics.absolute_error(sums, predicted), [0.5, 3])


@pytest.fixture
def outputs():
    """Two images: 1234 read as 1235, and 9999 read right."""
    digit_probabilities = np.eye(10, dtype="float32")[[[1, 2, 3, 5], [9] * 4]]
    sum_probabilities = np.full((2, 37), 0.01, "float32")
    sum_probabilities[0, 11], sum_probabilities[1, 36] = 0.64, 0.64
    return {
        "digit_probabilities": digit_probabilities,
        "sum_probabilities": sum_probabilities,
        "sum": np.array([10.6, 35.6], "float32"),
    }


LABELS = {"digits": [[1, 2, 3, 4], [9] * 4], "sum": [10, 36]}


def test_accuracies(outputs):
    digits, sums = tf.constant(LABELS["digits"]), tf.constant(LABELS["sum"])
    probabilities = outputs["digit_probabilities"]
    assert list(metrics.digit_accuracy(digits, probabilities)) == [0.75, 1]
    assert list(metrics.all_digits_accuracy(digits, probabilities)) == [0, 1]
    assert list(
        metrics.most_likely_sum_accuracy(sums, outputs["sum_probabilities"])
    ) == [0, 1]
    assert list(metrics.rounded_sum_accuracy(sums, outputs["sum"])) == [0, 1]


@pytest.mark.parametrize("order", [1, -1])
def test_evaluate_names_and_averages_over_unequal_batches(outputs, order):
    """Three images in batches of two and one; the third repeats the first."""
    rows = [0, 1, 0]
    table = {key: values[rows] for key, values in outputs.items()}
    index = keras.Input((), dtype="int32")
    model = keras.Model(
        index,
        {key: keras.ops.take(values, index, axis=0) for key, values in table.items()},
    )
    labels = {key: np.array(values)[rows] for key, values in LABELS.items()}
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(3), labels)).batch(2)
    evaluated = tuple(metrics.METRICS)[::order]
    evaluate = metrics.evaluation_model(model, evaluated)
    found = metrics.evaluate(evaluate, dataset, evaluated)
    expected = {
        "digit_accuracy": 2.5 / 3,
        "all_digits_accuracy": 1 / 3,
        "sum_accuracy": 1 / 3,
        "sum_nll": (2 * -np.log(0.01) - np.log(0.64)) / 3,
        "rounded_sum_accuracy": 1 / 3,
        "sum_mae": (0.6 + 0.4 + 0.6) / 3,
        "sum_mse": (0.36 + 0.16 + 0.36) / 3,
    }
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-4), key
