"""Batches of composites: functions of seed and step, eagerly and mapped."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.data import composites, layouts


@pytest.mark.parametrize("layout", layouts.LAYOUTS)
def test_batches_are_functions_of_seed_and_step(layout, digit_images, digit_labels):
    def batch(seed, step):
        return composites.composite_batch(
            digit_images, digit_labels, layout, seed, step, 16
        )

    mapped = list(tf.data.Dataset.range(3, 6).map(lambda step: batch(5, step)))
    for step, (images, labels) in zip(range(3, 6), mapped):
        eager_images, eager_labels = batch(5, step)
        np.testing.assert_array_equal(images, eager_images)
        assert labels.keys() == eager_labels.keys() == {"digits", "clean"}
        for name, expected in eager_labels.items():
            np.testing.assert_array_equal(labels[name], expected)
    assert (mapped[0][0] != mapped[1][0]).numpy().any()
    assert (batch(6, 3)[0] != mapped[0][0]).numpy().any()


def test_labels_name_the_digits_from_left_to_right(digit_images, digit_labels):
    images, labels = composites.composite_batch(
        digit_images, digit_labels, "separate", 0, 0, 32
    )
    for image, four in zip(images.numpy(), labels["digits"].numpy()):
        shades = image.max(axis=(0, 2))
        seen = [
            shade
            for left, shade in zip(shades[:-1], shades[1:])
            if shade and left != shade
        ]
        np.testing.assert_array_equal((np.array(seen) - 100) % 10, four)


def test_an_evaluation_set_uses_every_digit_once(digit_images, digit_labels):
    shades = []
    for start in (0, 5):
        images, _ = composites.evaluation_batch(
            digit_images, digit_labels, "separate", 0, start, 5
        )
        shades += [s for image in images.numpy() for s in np.unique(image) if s]
    assert sorted(shades) == list(range(100, 140))
    assert shades != sorted(shades)


def test_mixed_without_degradation_leaves_whole_images_as_they_are(digit_images):
    """Of 32 rows 15 are degraded, four have hard edges; ones have flags all the same."""
    labels = np.arange(len(digit_images)) % 10
    degraded, fresh = (
        composites.composite_batch(
            tf.constant(digit_images),
            tf.constant(labels),
            "mixed",
            0,
            1,
            32,
            degradation_share=share,
        )
        for share in (1.0, 0.0)
    )
    np.testing.assert_array_equal(degraded[1]["digits"], fresh[1]["digits"])
    same = (degraded[0].numpy() == fresh[0].numpy()).all(axis=(1, 2, 3))
    assert same[15:28].all()
    assert same[:15].sum() < 5


def test_images_before_degradation_are_kept(digit_images, digit_labels):
    batch = digit_images, digit_labels, "mixed", 3, 5, 64
    degraded, labels = composites.composite_batch(*batch)
    clean = labels["clean"].numpy()
    differs = (clean != degraded.numpy()).any(axis=(1, 2, 3))
    assert differs[:30].mean() > 0.8 and not differs[30:].any()
    # Where nothing can be degraded, they are the images.
    tiled, labels = composites.composite_batch(
        digit_images, digit_labels, "tiled", 3, 5, 8
    )
    np.testing.assert_array_equal(labels["clean"], tiled)


def test_a_share_of_the_images_has_blended_digits_and_targets():
    digits = tf.tile(
        tf.reshape(tf.constant([100, 200], tf.uint8), [2, 1, 1]), [1, 28, 28]
    )
    batch = digits, tf.constant([3, 4]), "tiled", 3, 5, 400
    pure, labels = composites.composite_batch(*batch)
    blended, found = composites.composite_batch(*batch, mixup_share=0.25)
    np.testing.assert_array_equal(found["digits"], labels["digits"])
    targets = found["digit_targets"].numpy()
    np.testing.assert_allclose(targets.sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_array_equal(targets.argmax(axis=-1), labels["digits"])
    np.testing.assert_array_equal(targets[..., [0, 1, 2, 5, 6, 7, 8, 9]], 0)
    # A digit is as bright as it has of 3, whose ink is 100, and of 4, whose is 200.
    bright = 100 * targets[..., 3] + 200 * targets[..., 4]
    seen = blended.numpy().max(axis=1)[:, :, 0].reshape(400, 4, 42).max(axis=2)
    np.testing.assert_allclose(seen, bright, atol=1)
    is_blended = (blended.numpy() != pure.numpy()).any(axis=(1, 2, 3))
    # Of digits next to an equal one nothing is seen: of four all four in 1 of 16.
    assert 0.17 < is_blended.mean() < 0.31


def test_ones_of_mixed_have_flags_whether_degraded_or_not(monkeypatch):
    """Where ones alone are drawn, what `ones` does to them is seen."""
    flagged = []

    def blacken(digits, labels, seed):
        del seed
        flagged.append(np.unique(labels.numpy()).tolist())
        return tf.zeros_like(digits)

    monkeypatch.setattr(composites.ones, "embellish_ones", blacken)
    digits, labels = tf.fill([3, 28, 28], tf.constant(200, tf.uint8)), tf.ones(3)
    for layout, brightest in (("mixed", 0), ("separate", 200)):
        images, _ = composites.composite_batch(
            digits, labels, layout, 0, 1, 8, degradation_share=0.0
        )
        assert images.numpy().max() == brightest
    assert flagged == [[1]]
