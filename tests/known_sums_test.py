"""The likeliest digits under a known sum, by hand and by trying all."""

import itertools

import numpy as np
import pytest

from mnist_sum_tf import known_sums


def sure_of(*digits):
    return np.eye(10)[list(digits)]


def test_every_combination_stands_under_its_sum():
    found = known_sums.combinations_by_sum()
    assert len(found) == 37
    assert [len(found[total]) for total in (0, 1, 18, 35, 36)] == [1, 4, 670, 4, 1]
    assert found[1].tolist() == [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    everything = {tuple(row) for rows in found for row in rows.tolist()}
    assert everything == set(itertools.product(range(10), repeat=4))


def test_the_sum_overrules_what_looks_likelier():
    probabilities = sure_of(0, 0, 5, 0)
    probabilities[0, [0, 3, 8]] = 0, 0.6, 0.4
    probabilities[1, [0, 1, 6]] = 0, 0.7, 0.3
    digits, confidence = known_sums.most_likely_digits(
        np.stack([probabilities] * 3), np.array([14, 9, 19])
    )
    # 3 + 6 has 0.6 * 0.3 = 0.18, 8 + 1 has 0.4 * 0.7 = 0.28.
    assert digits.tolist() == [[8, 1, 5, 0], [3, 1, 5, 0], [8, 6, 5, 0]]
    # Of 10,000 combinations 540, 220 and 660 have these sums; see below.
    likely = 0.99 * np.array([0.28, 0.6 * 0.7, 0.4 * 0.3])
    others = [0.99 * 0.18 + 540e-6, 220e-6, 660e-6]
    np.testing.assert_allclose(confidence, likely / (likely + others), rtol=1e-6)
    assert digits.dtype == np.int32 and confidence.dtype == np.float32


def test_as_by_trying_all():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(10) * 0.3, size=(20, 4))
    sums = rng.integers(0, 37, 20)
    digits, confidence = known_sums.most_likely_digits(probabilities, sums)
    for row, (given, total) in enumerate(zip(probabilities, sums)):
        joint = {
            each: np.prod([given[slot, digit] for slot, digit in enumerate(each)])
            for each in itertools.product(range(10), repeat=4)
            if sum(each) == total
        }
        best = max(joint, key=joint.get)
        assert tuple(digits[row]) == best
        spoiled = 0.01 * len(joint) / 10_000
        np.testing.assert_allclose(
            confidence[row],
            0.99 * joint[best] / (0.99 * sum(joint.values()) + spoiled),
            rtol=1e-5,
        )


def test_a_sum_that_was_not_read_is_not_sure():
    """Though no other digits have it."""
    probabilities = np.stack([sure_of(0, 0, 0, 0), sure_of(9, 9, 9, 9)])
    digits, confidence = known_sums.most_likely_digits(probabilities, [36, 36])
    assert digits.tolist() == 2 * [[9, 9, 9, 9]]
    # One combination of 10,000 has this sum.
    np.testing.assert_allclose(confidence, [0, 0.99 / (0.99 + 1e-6)], atol=1e-6)


@pytest.mark.parametrize("total", [-1, 37, 3.5])
def test_sums_that_cannot_be_are_reported(total):
    with pytest.raises(ValueError, match="0 to 36"):
        known_sums.most_likely_digits(sure_of(0, 0, 0, 0)[np.newaxis], [total])


def test_a_sum_is_missing():
    with pytest.raises(ValueError, match=r"Received: \[1\] for \[2, 4, 10\]"):
        known_sums.most_likely_digits(np.stack(2 * [sure_of(0, 0, 0, 0)]), [0])


def test_no_images():
    digits, confidence = known_sums.most_likely_digits(np.empty((0, 4, 10)), [])
    assert digits.shape == (0, 4) and confidence.shape == (0,)
