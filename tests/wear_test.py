"""Wear touches fifteen of 32 rows of a batch and keeps images images."""

import numpy as np
import pytest
import tensorflow as tf
from wear_kinds_test import grey

from mnist_sum_tf.data import wear, wear_kinds


def test_seventeen_of_thirty_two_rows_are_unchanged():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (64, 40, 168, 1), dtype=np.uint8)
    worn = wear.wear(tf.constant(images), [1, 2]).numpy()
    assert worn.dtype == np.uint8 and worn.shape == images.shape
    np.testing.assert_array_equal(worn[30:], images[30:])
    changed = (worn[:30] != images[:30]).any(axis=(1, 2, 3))
    assert changed.mean() > 0.9  # some clouds are clear sky
    np.testing.assert_array_equal(worn, wear.wear(tf.constant(images), [1, 2]))


def test_fewer_rows_are_worn():
    """Each row is as it was or as it is usually worn, a quarter of them worn."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (640, 40, 168, 1), dtype=np.uint8)
    usual, fewer = (
        wear.wear(tf.constant(images), [1, 2], share).numpy() for share in (1, 0.25)
    )
    is_usual, is_fresh = (
        (fewer == others).all(axis=(1, 2, 3)) for others in (usual, images)
    )
    assert (is_usual | is_fresh).all()
    changed = (usual != images).any(axis=(1, 2, 3))
    assert 0.17 < (is_usual & changed).sum() / changed.sum() < 0.33
    small = wear.wear(tf.constant(images[:32]), [1, 5], 0.5).numpy()
    assert 0 < (small != images[:32]).any(axis=(1, 2, 3)).sum() < 15


def test_a_small_batch_meets_every_kind():
    """Of eight rows each, as of many: 15 of 32 are worn, by all eleven kinds."""
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (8, 40, 168, 1), dtype=np.uint8))
    wear_few = tf.function(wear.wear)
    changed, kinds = 0, set()
    for number in range(100):
        seed = tf.constant([number, 1])
        worn = wear_few(images, seed).numpy()
        changed += (worn != images.numpy()).any(axis=(1, 2, 3)).sum()
        if number < 12:
            kinds |= kinds_of(images, worn, seed)
    assert 0.4 < changed / 800 < 0.5  # 15 / 32, less what is clear sky
    assert kinds == set(wear.LIGHT | wear.HEAVY)


def kinds_of(images, worn, seed):
    """Which kinds made the rows of a batch what they are."""
    kinds = list(wear.LIGHT | wear.HEAVY)
    seeds = tf.unstack(tf.random.split(seed, len(kinds)))
    found = set()
    is_fresh = (images.numpy() == worn).all(axis=(1, 2, 3))
    noise_seed, blur_seed, _ = wear._more_seeds(seed)
    for kind, kind_seed in zip(kinds, seeds):
        its = kind(images, kind_seed)
        noisy, blurred = (
            wear_kinds.add_noise(its, noise_seed),
            wear_kinds.blur(its, blur_seed),
        )
        for possible in (its, noisy, blurred) if kind in wear.HEAVY else (its,):
            difference = possible.numpy().astype(int) - worn
            # Compiled, a half may be rounded the other way.
            is_its = (abs(difference) <= 1).all(axis=(1, 2, 3))
            found |= {kind} if (is_its & ~is_fresh).any() else set()
    return found


@pytest.mark.parametrize("number", range(4))
def test_of_four_heavily_worn_images_two_get_noise_and_one_is_blurred(
    monkeypatch, number
):
    images = tf.tile(tf.reshape(tf.range(28), [28, 1, 1, 1]), [1, 40, 168, 1])
    monkeypatch.setattr(wear_kinds, "add_noise", lambda images, seed: images + 200)
    monkeypatch.setattr(wear_kinds, "blur", lambda images, seed: images + 100)
    changes = (wear._wear_more(images, [number, 6]) - images).numpy()  # row by row
    assert (changes == changes[:, :1, :1]).all()
    for four in changes[:, 0, 0, 0].reshape(7, 4):
        assert sorted(four) == [0, 100, 200, 200]


def test_who_gets_noise_is_drawn(monkeypatch):
    """Of seven images four, of 28 half."""
    monkeypatch.setattr(wear_kinds, "add_noise", lambda images, seed: images + 200)
    for count, share in ((7, 4 / 7), (28, 1 / 2)):
        changes = [
            wear._wear_more(tf.zeros([count, 2, 2, 1], tf.uint8), [seed, 0])[:, 0, 0, 0] == 200
            for seed in range(100)
        ]
        np.testing.assert_allclose(np.mean(changes, axis=0), share, atol=0.2)
        np.testing.assert_allclose(np.mean(changes), share, rtol=1e-6)


def test_in_small_batches_noise_comes_by_chance(monkeypatch):
    blank = {lambda images, seed: tf.zeros_like(images): 32}
    monkeypatch.setattr(wear, "_KINDS", blank)
    monkeypatch.setattr(wear, "LIGHT", {})
    worn = wear.wear(grey(0, 31), [1, 2]).numpy().max(axis=(1, 2, 3))
    assert 0.3 < (worn > 0).mean() < 0.7
