"""Flags and feet of ones, on a stroke small enough to check by eye."""

import numpy as np
import tensorflow as tf

from mnist_sum_tf.data import ones


def strokes(count):
    digits = np.zeros((count, 28, 28), np.uint8)
    digits[:, 4:24, 13:15] = 255
    return digits


def test_only_the_stated_share_of_ones_is_changed():
    labels = np.arange(4000) % 10
    changed = ones.embellish_ones(strokes(4000), labels, [1, 2]).numpy()
    is_changed = (changed != strokes(1)).any(axis=(1, 2))
    assert not is_changed[labels != 1].any()
    assert abs(is_changed[labels == 1].mean() - ones.SHARE) < 0.06
    assert (changed >= strokes(1)).all()


def test_without_ones_nothing_is_changed():
    def embellish(labels):
        return ones.embellish_ones(strokes(9), labels, [1, 2])

    labels = np.full(9, 7)
    np.testing.assert_array_equal(embellish(labels), strokes(9))
    mapped = tf.data.Dataset.from_tensors(labels).map(embellish)
    np.testing.assert_array_equal(next(iter(mapped)), strokes(9))


def test_a_flag_leaves_the_top_to_the_left_and_down_a_foot_is_level():
    labels = np.ones(400)
    changed = ones.embellish_ones(strokes(400), labels, [3, 4]).numpy()
    flags = changed[(changed != strokes(1)).any(axis=(1, 2))].astype(int)
    flags -= strokes(1)
    # Above the foot all that is new lies left of the stroke and below its top.
    assert not flags[:, 5:20, 15:].any() and not flags[:, :3].any()
    assert flags[:, 4:20, :13].any(axis=(1, 2)).all()
    has_foot = flags[:, 20:, 18:].any(axis=(1, 2))
    assert abs(has_foot.mean() - 0.5) < 0.15
    rows = np.nonzero(flags[has_foot][:, 18:, 17:].any(axis=(0, 2)))[0] + 18
    np.testing.assert_array_equal(rows, [22, 23, 24])


def test_a_line_two_wide_from_pixel_to_pixel():
    points = [tf.constant([value]) for value in (10.0, 8.0, 12.0, 8.0)]
    line = ones._line(points[:2], points[2:], tf.constant([2.0]))[0].numpy()
    np.testing.assert_array_equal(line[8, 8:15], [0, 128, 255, 255, 255, 128, 0])
    np.testing.assert_array_equal(line[6:11, 11], [0, 128, 255, 128, 0])


def test_of_a_digit_without_ink_hardly_anything_is_drawn():
    blank = np.zeros((50, 28, 28), np.uint8)
    changed = ones.embellish_ones(blank, np.ones(50), [5, 6]).numpy()
    assert changed.shape == blank.shape and changed.dtype == np.uint8
    assert (changed > 0).sum(axis=(1, 2)).max() <= 3
