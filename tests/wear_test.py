"""Wear touches fifteen of 32 rows of a batch and keeps images images."""

import numpy as np
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
    for kind, kind_seed in zip(kinds, seeds):
        its = wear._worn_by(kind, images, kind_seed).numpy()
        difference = its.astype(int) - worn
        # Compiled, a half may be rounded the other way.
        is_its = (abs(difference) <= 1).all(axis=(1, 2, 3))
        found |= {kind} if (is_its & ~is_fresh).any() else set()
    return found


def test_of_the_rows_of_heavy_kinds_half_get_noise_and_a_quarter_are_blurred():
    """Of black, glass and outlines show nothing: what is seen is noise."""
    worn = wear.wear(grey(0, 128), [1, 2]).numpy().reshape(128, -1).max(axis=1)
    glass, outlines = worn[52:56], worn[56:60]
    for rows in (glass, outlines):
        half = len(rows) // 2
        assert (rows[:half] > 0).all() and (rows[:half] < 200).all()
        assert not rows[half:].any()
    image = np.zeros((4, 40, 168, 1), np.uint8)
    image[:, 20, 80] = 255
    outline = wear._worn_by(wear_kinds.draw_outlines, tf.constant(image), [5, 6]).numpy()
    without = wear_kinds.draw_outlines(tf.constant(image), [5, 6]).numpy()
    blurred = wear_kinds.blur(tf.constant(without[2:3]), tf.random.fold_in([5, 6], 2))
    np.testing.assert_array_equal(outline[2:3], blurred)
    np.testing.assert_array_equal(outline[3], without[3])
    assert (outline[2] != without[2]).any()


def test_of_one_row_noise_comes_by_chance():
    """Of black, outlines show nothing: half of the time noise is seen."""
    worn_by = tf.function(wear._worn_by)
    rows = [
        worn_by(wear_kinds.draw_outlines, grey(0, 1), tf.constant([seed, 0])).numpy().max()
        for seed in range(40)
    ]
    assert 0.3 < np.mean(np.array(rows) > 0) < 0.7
