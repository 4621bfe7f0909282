"""Strokes and bends, on digits small enough to check by eye."""

import numpy as np
import tensorflow as tf

from mnist_sum_tf.data import handwriting


def test_stroke_dilates_erodes_and_blends():
    digits = np.zeros((3, 28, 28), np.uint8)
    digits[:, 10:13, 10:13] = 200
    changed = handwriting.change_stroke(digits, tf.constant([1.0, -1.0, 0.5]))
    thick, thin, half = changed.numpy()
    expected = np.zeros((28, 28), np.uint8)
    expected[9:14, 10:13] = expected[10:13, 9:14] = 200
    np.testing.assert_array_equal(thick, expected)
    assert thin[11, 11] == 200 and thin.sum() == 200
    assert half[9, 11] == 100 and half[11, 11] == 200 and half[9, 9] == 0


def test_bending_by_nothing_changes_nothing():
    rng = np.random.default_rng(1)
    digits = rng.integers(0, 256, (5, 28, 28), dtype=np.uint8)
    digits[:, -1], digits[:, :, -1] = 0, 0  # as MNIST's edges
    bent = handwriting.bend(digits, tf.zeros([5]), [1, 2])
    np.testing.assert_array_equal(bent, digits)


def test_bending_moves_ink_by_no_more_than_its_amplitude():
    digits = np.zeros((50, 28, 28), np.uint8)
    digits[:, 14, 14] = 255
    bent = handwriting.bend(digits, tf.fill([50], 2.0), [1, 2]).numpy()
    _, rows, columns = np.nonzero(bent)
    assert (bent != digits).any()
    assert abs(rows - 14).max() <= 3 and abs(columns - 14).max() <= 3
