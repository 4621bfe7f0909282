"""What the decoder learns from."""

import numpy as np
import pytest

from mnist_sum_tf.data import digit_logits


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_expected_sums_are_those_of_the_softmax():
    logits, labels = digit_logits.expected_sum_batch([1, 2], 512)
    assert logits.shape == (512, 4, 10)
    expected = (softmax(logits.numpy()) * np.arange(10)).sum(axis=(1, 2))
    np.testing.assert_allclose(labels["sum"], expected, atol=1e-4)


def test_half_the_rows_are_sure_and_extreme_sums_occur():
    logits, labels = digit_logits.expected_sum_batch([3, 4], 4096)
    sure = softmax(logits.numpy()).max(axis=-1).min(axis=-1) > 0.99
    assert sure[:2048].all() and not sure[2048:].all()
    sums = np.round(labels["sum"].numpy()[:2048])
    # Of uniform digits one sum in 10,000 would be 0.
    assert (sums == 0).sum() >= 10 and (sums == 36).sum() >= 10


def test_one_hot_batches_are_the_originals():
    vectors, labels = digit_logits.one_hot_batch([5, 6], 64)
    assert set(np.unique(vectors)) == {0, 1}
    np.testing.assert_array_equal(vectors.numpy().sum(axis=-1), np.ones((64, 4)))
    digits = vectors.numpy().argmax(axis=-1)
    np.testing.assert_array_equal(labels["sum"], digits.sum(axis=1))


@pytest.mark.parametrize("objective", ["expected_sum", "one_hot_sum"])
def test_batches_are_functions_of_seed_and_step(objective):
    whole = list(digit_logits.training_dataset(objective, 7, 8, 0, 5))
    late = list(digit_logits.training_dataset(objective, 7, 8, 3, 5))
    assert len(whole) == 5 and len(late) == 2
    for (logits, labels), (again, labels_again) in zip(whole[3:], late):
        np.testing.assert_array_equal(logits, again)
        np.testing.assert_array_equal(labels["sum"], labels_again["sum"])
    assert (whole[0][0] != whole[1][0]).numpy().any()


def test_all_combinations_has_each_once():
    batches = list(digit_logits.all_combinations(3.0))
    logits = np.concatenate([logits for logits, _ in batches])
    sums = np.concatenate([labels["sum"] for _, labels in batches])
    digits = logits.argmax(axis=-1)
    assert len({tuple(row) for row in digits}) == 10_000
    np.testing.assert_array_equal(digits.sum(axis=1), sums)
    assert set(np.unique(logits)) == {0, 3}
