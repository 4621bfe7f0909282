"""The likeliest digits under a known sum, by hand and by trying all."""

import itertools

import numpy as np

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
    np.testing.assert_allclose(confidence, [0.28 / 0.46, 1, 1], rtol=1e-6)
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
        np.testing.assert_allclose(
            confidence[row], joint[best] / sum(joint.values()), rtol=1e-5
        )


def test_sums_that_look_impossible_have_an_answer():
    digits, confidence = known_sums.most_likely_digits(
        sure_of(0, 0, 0, 0)[np.newaxis], [36]
    )
    assert digits.tolist() == [[9, 9, 9, 9]] and confidence[0] == 1


def test_no_images():
    digits, confidence = known_sums.most_likely_digits(np.empty((0, 4, 10)), [])
    assert digits.shape == (0, 4) and confidence.shape == (0,)
