"""Strokes and displacements, on digits small enough to check by eye."""

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


def test_displacements_are_bounded_by_their_amplitudes():
    amplitude = tf.constant([0.0, 0.5, 2.0] * 20)
    displacements = handwriting.random_displacements(amplitude, [1, 2]).numpy()
    assert displacements.shape == (60, 2, 4, 4)
    largest = abs(displacements).max(axis=(1, 2, 3))
    assert not largest[::3].any()
    assert (0 < largest[1::3]).all() and largest[1::3].max() <= 0.5
    assert 1 < largest[2::3].min() and largest[2::3].max() <= 2


def test_a_displacement_is_spread_between_the_points_of_its_grid():
    displacements = np.zeros((1, 2, 4, 4), np.float32)
    displacements[0, 0, 1, 2], displacements[0, 1] = 8.0, 3.0
    # Grid points stand at -1/2, -1/6, 1/6 and 1/2; halfway counts one half.
    places = tf.constant([[-0.5, -1 / 3, -1 / 6, 0.0, 1 / 6]])
    spread = handwriting.spread_displacements(displacements, places, places)
    across, down = handwriting.displacement_field(*spread)[0].numpy()
    along_x = np.array([0, 0.5, 1, 0.5, 0])
    along_y = np.array([0, 0, 0, 0.5, 1])
    expected = 8 * along_y[:, np.newaxis] * along_x
    np.testing.assert_allclose(across, expected, atol=1e-5)
    np.testing.assert_allclose(down, np.full((5, 5), 3.0), rtol=1e-6)
