"""Figures of confidence, each worked by hand."""

import math

import numpy as np
import pytest

from mnist_sum_tf import confidence


def test_readings_fall_into_bins_by_their_confidence():
    bins = confidence.reliability_bins(
        [0.0, 0.1, 0.5, 0.6, 1.0], [False, True, True, False, True], num_bins=2
    )
    first, second = bins
    assert first[:3] == (0.0, 0.5, 2) and second[:3] == (0.5, 1.0, 3)
    assert first.confidence == pytest.approx(0.05)
    assert first.accuracy == pytest.approx(0.5)
    assert second.confidence == pytest.approx(0.7)
    assert second.accuracy == pytest.approx(2 / 3)


def test_empty_bins_have_no_mean():
    bins = confidence.reliability_bins([0.99], [True])
    assert [each.number for each in bins] == [0] * 14 + [1]
    assert math.isnan(bins[0].accuracy) and bins[14].accuracy == 1


def test_calibration_error():
    # 0.8 and 0.9, one of them right: |0.85 - 0.5|; 0.4, right: |0.4 - 1|.
    # Two of three readings in the first bin, one in the second.
    error = confidence.expected_calibration_error(
        [0.8, 0.9, 0.4], [True, False, True], num_bins=2
    )
    assert error == pytest.approx((2 * 0.35 + 0.6) / 3)
    # In bins of 1/15 each stands alone.
    error = confidence.expected_calibration_error([0.8, 0.9, 0.4], [True, False, True])
    assert error == pytest.approx((0.2 + 0.9 + 0.6) / 3)


def test_no_calibration_error_where_confidence_is_earned():
    right = [True, True, True, False]
    assert confidence.expected_calibration_error([0.75] * 4, right) == 0


PROBABILITIES = [[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]


def test_surprise():
    nll = confidence.negative_log_likelihood(PROBABILITIES, [0, 2])
    assert nll == pytest.approx((math.log(2) + math.log(10)) / 2)
    impossible = confidence.negative_log_likelihood([[1.0, 0.0]], [1])
    assert impossible == pytest.approx(20 * math.log(10))


def test_brier_score():
    # (0.25 + 0.0625 + 0.0625) and (0.01 + 0.64 + 0.81)
    score = confidence.brier_score(PROBABILITIES, [0, 2])
    assert score == pytest.approx((0.375 + 1.46) / 2)
    assert confidence.brier_score([[0.0, 1.0]], [0]) == 2
    assert confidence.brier_score([[0.0, 1.0]], [1]) == 0


def test_the_least_sure_are_set_aside():
    sure = np.linspace(0.5, 0.99, 100)
    right = np.ones(100, bool)
    right[[0, 1, 3, 60]] = False  # three of the least sure, one surer
    table = confidence.risk_coverage(sure, right)
    assert [row["set_aside"] for row in table] == [0, 0.01, 0.02, 0.05, 0.1]
    assert [row["number"] for row in table] == [100, 99, 98, 95, 90]
    assert [row["accuracy"] for row in table] == pytest.approx(
        [96 / 100, 96 / 99, 96 / 98, 94 / 95, 89 / 90]
    )


def test_one_reading_is_left_at_least():
    (row,) = confidence.risk_coverage([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 0], (0.9,))
    assert row == {"set_aside": 0.9, "number": 1, "accuracy": 1.0}


def test_the_number_set_aside_is_rounded():
    """A tenth of 15 readings is one and a half."""
    (row,) = confidence.risk_coverage(np.linspace(0.5, 0.9, 15), np.ones(15), (0.1,))
    assert row["number"] == 13


def test_labels_may_be_a_column():
    column = np.array([[0], [2]])
    for score in (confidence.negative_log_likelihood, confidence.brier_score):
        assert score(PROBABILITIES, column) == score(PROBABILITIES, [0, 2])


def test_accuracy_of_the_surest():
    accuracies = confidence.accuracy_by_number([0.7, 0.9, 0.8], [True, True, False])
    np.testing.assert_allclose(accuracies, [1, 1 / 2, 2 / 3])


def test_equal_confidences_stay_in_order():
    """Surer and less sure ones take turns; of both, the first 25 are right."""
    accuracies = confidence.accuracy_by_number([0.9, 0.8] * 50, [1] * 50 + [0] * 50)
    right = np.repeat([1, 0, 1, 0], 25)
    np.testing.assert_allclose(accuracies, np.cumsum(right) / np.arange(1, 101))


def test_wilson_interval():
    # z = 2: (0.5 + 4/20 ± 2 sqrt(0.25/10 + 4/400)) / (1 + 4/10)
    half = 2 * math.sqrt(0.025 + 0.01)
    assert confidence.wilson_interval(5, 10, z=2) == pytest.approx(
        ((0.7 - half) / 1.4, (0.7 + half) / 1.4)
    )
    # All of n: n / (n + z^2) to 1.
    low, high = confidence.wilson_interval(96, 96, z=2)
    assert (low, high) == pytest.approx((0.96, 1.0))
    low, high = confidence.wilson_interval(0, 96, z=2)
    assert (low, high) == pytest.approx((0.0, 0.04))


def test_all_of_it_for_sums():
    probabilities = np.zeros((2, 37))
    probabilities[0, 10:12] = 0.75, 0.25
    probabilities[1, 36] = 1
    evaluated = confidence.evaluate_confidence(probabilities, [11, 36])
    assert evaluated["num_images"] == 2 and evaluated["accuracy"] == 0.5
    assert evaluated["ece"] == pytest.approx(0.75 / 2)
    assert evaluated["nll"] == pytest.approx(math.log(4) / 2)
    assert evaluated["brier"] == pytest.approx((2 * 0.75**2) / 2)
    assert evaluated["risk_coverage"][0]["accuracy"] == 0.5
