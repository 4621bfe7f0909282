"""Degradation touches fifteen of 32 rows of a batch and keeps images images."""

import numpy as np
import pytest
import tensorflow as tf
from degradation_kinds_test import grey

from mnist_sum_tf.data import degradation, degradation_kinds


def test_seventeen_of_thirty_two_rows_are_unchanged():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (64, 40, 168, 1), dtype=np.uint8)
    degraded = degradation.degrade(tf.constant(images), [1, 2]).numpy()
    assert degraded.dtype == np.uint8 and degraded.shape == images.shape
    np.testing.assert_array_equal(degraded[30:], images[30:])
    changed = (degraded[:30] != images[:30]).any(axis=(1, 2, 3))
    assert changed.mean() > 0.9  # some clouds are clear sky
    again = degradation.degrade(tf.constant(images), [1, 2])
    np.testing.assert_array_equal(degraded, again)


def test_fewer_rows_are_degraded():
    """Each row is as it was or as it is usually degraded, a quarter of them degraded."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (640, 40, 168, 1), dtype=np.uint8)
    usual, fewer = (
        degradation.degrade(tf.constant(images), [1, 2], share).numpy()
        for share in (1, 0.25)
    )
    is_usual, is_fresh = (
        (fewer == others).all(axis=(1, 2, 3)) for others in (usual, images)
    )
    assert (is_usual | is_fresh).all()
    changed = (usual != images).any(axis=(1, 2, 3))
    assert 0.17 < (is_usual & changed).sum() / changed.sum() < 0.33
    small = degradation.degrade(tf.constant(images[:32]), [1, 5], 0.5).numpy()
    assert 0 < (small != images[:32]).any(axis=(1, 2, 3)).sum() < 15


def test_a_small_batch_is_degraded_as_often():
    """Of eight rows each, as of many: 15 of 32 are degraded."""
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (8, 40, 168, 1), dtype=np.uint8))
    degrade_few = tf.function(degradation.degrade)
    changed = [
        degrade_few(images, tf.constant([number, 1])).numpy() != images.numpy()
        for number in range(100)
    ]
    # Less what is clear sky.
    assert 0.4 < np.any(changed, axis=(2, 3, 4)).mean() < 0.5


def test_images_of_a_small_batch_are_rows_of_32_each_its_own(monkeypatch):
    """Number i is 32 i all over; the place where it is degraded is added to it."""
    place = tf.cast(tf.reshape(tf.range(32), [32, 1, 1, 1]), tf.uint8)
    monkeypatch.setattr(degradation, "_degrade_rows", lambda images, _: images + place)
    images = tf.tile(32 * place[:7], [1, 40, 168, 1])
    degrade_few = tf.function(degradation.degrade)
    counts = np.zeros((7, 32), int)
    for number in range(300):
        degraded = degrade_few(images, tf.constant([number, 1])).numpy()
        assert (degraded == degraded[:, :1, :1]).all()
        image, place_of = np.divmod(degraded[:, 0, 0, 0], 32)
        np.testing.assert_array_equal(image, np.arange(7))
        assert len({*place_of}) == 7
        counts[image, place_of] += 1
    expected = 300 / 32
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - 7 * 31) < 4 * np.sqrt(2 * 7 * 31)  # degrees of freedom


@pytest.mark.parametrize("begin", range(4))
def test_of_four_heavily_degraded_images_two_get_noise_and_one_is_blurred(
    monkeypatch, begin
):
    images = tf.tile(tf.reshape(tf.range(28), [28, 1, 1, 1]), [1, 40, 168, 1])
    monkeypatch.setattr(degradation_kinds, "add_noise", lambda images, _: images + 200)
    monkeypatch.setattr(degradation_kinds, "blur", lambda images, _: images + 100)
    changes = (degradation._degrade_more(images, None, None, begin) - images).numpy()
    assert (changes == changes[:, :1, :1]).all()
    expected = np.roll(np.tile([200, 100, 200, 0], 7), -begin)
    np.testing.assert_array_equal(changes[:, 0, 0, 0], expected)


def test_who_gets_noise_is_drawn(monkeypatch):
    """Of the seven heavily degraded of 32 four; each as often as the others."""
    blank = {lambda images, _: tf.zeros_like(images): 7}
    monkeypatch.setattr(degradation, "_KINDS", blank)
    monkeypatch.setattr(degradation, "LIGHT", {})
    degrade_rows = tf.function(degradation.degrade)
    noisy = [
        (degrade_rows(grey(0), tf.constant([seed, 0])).numpy()[:7] > 0).any(
            axis=(1, 2, 3)
        )
        for seed in range(100)
    ]
    counts = np.sum(noisy, axis=1)
    assert counts.max() == 4 and np.mean(counts == 4) > 0.8  # some noise is faint
    np.testing.assert_allclose(np.mean(noisy, axis=0), 4 / 7, atol=0.2)
