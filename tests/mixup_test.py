"""Blended digits, and targets that say how much of each there is."""

import numpy as np
import tensorflow as tf

from mnist_sum_tf.data import mixup


def blended(image_share, count=400):
    digits = np.zeros((count, 4, 2, 2), np.uint8)
    digits[::2] = 200
    labels = np.tile([[3], [8]], (count // 2, 4))
    mixed, targets = mixup.mix_up(tf.constant(digits), labels, [3, 4], image_share)
    return digits, mixed.numpy(), targets.numpy()


def test_digits_of_a_share_of_the_images_are_blended_with_the_next():
    digits, mixed, targets = blended(0.25)
    share = 1 - targets.max(axis=-1)
    other = np.roll(digits, -1, axis=0).astype(np.float32)
    expected = digits + share[:, :, np.newaxis, np.newaxis] * (other - digits)
    np.testing.assert_allclose(mixed, expected, atol=0.501)
    is_blended = share.any(axis=1)
    assert 0.18 < is_blended.mean() < 0.32
    assert (share[is_blended] > 0).all() and 0.45 < share.max() < 0.5
    assert 0.2 < share[is_blended].mean() < 0.3
    assert (np.ptp(share[is_blended], axis=1) > 0).all()  # each digit has its own


def test_targets_say_how_much_there_is_of_each_class():
    _, mixed, targets = blended(1.0)
    np.testing.assert_allclose(targets.sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_array_equal(targets.argmax(axis=-1)[:2], [[3] * 4, [8] * 4])
    np.testing.assert_array_equal(np.flatnonzero(targets.any(axis=(0, 1))), [3, 8])
    # Threes are of 200, eights of 0.
    np.testing.assert_allclose(mixed[:, :, 0, 0], 200 * targets[..., 3], atol=0.501)


def test_all_or_none_or_one_alone():
    digits, mixed, targets = blended(0.0)
    np.testing.assert_array_equal(mixed, digits)
    assert set(targets.ravel()) == {0, 1}
    assert (blended(1.0)[2].max(axis=-1) < 1).any(axis=1).all()
    alone = np.arange(16, dtype=np.uint8).reshape(1, 4, 2, 2)
    mixed, targets = mixup.mix_up(tf.constant(alone), [[1, 2, 3, 4]], [3, 4], 1.0)
    np.testing.assert_array_equal(mixed, alone)
    np.testing.assert_allclose(targets[0, 1], np.eye(10)[2], atol=1e-6)
