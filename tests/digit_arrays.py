"""Digits for tests, and their comparison."""

import numpy as np

from mnist_sum_tf.data.digits import Digits

SPLITS = ("train", "validation", "test")


def assert_same(left: Digits, right: Digits):
    for left_array, right_array in zip(left, right):
        assert left_array.dtype == right_array.dtype == np.uint8
        np.testing.assert_array_equal(left_array, right_array)


def small_arrays(num_train=60, num_test=8):
    random = np.random.default_rng(0)
    return {
        "x_train": random.integers(0, 256, (num_train, 28, 28), np.uint8),
        "y_train": random.integers(0, 10, num_train, np.uint8),
        "x_test": random.integers(0, 256, (num_test, 28, 28), np.uint8),
        "y_test": random.integers(0, 10, num_test, np.uint8),
    }
