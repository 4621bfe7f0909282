"""Distillation in JAX: its images are TensorFlow's."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.data import (
    canvas,
    degradation_kinds,
    handwriting,
    layouts,
    ones,
    placement,
)
from mnist_sum_tf.data import degradation as tf_degradation
from mnist_sum_tf.data import drawing as tf_drawing
from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.distillation import (
    deformed_digits,
    degradation,
    drawing,
    networks,
    placements,
    students,
)
from mnist_sum_tf.models import encoder

COUNT = 32


@pytest.fixture(scope="module")
def digits():
    return load_digits("bundled", "validation")


@pytest.fixture(scope="module")
def fours(digits):
    return digits.images[: 4 * COUNT].reshape(COUNT, 4, 28, 28)


def nothing_changed(**changes):
    zeros = jnp.zeros([COUNT, 4])
    fields = dict.fromkeys(deformed_digits.Variation._fields, zeros)
    fields["displacements"] = jnp.zeros([COUNT, 4, 2, 4, 4])
    return deformed_digits.Variation(**fields | changes)


def test_canvases_are_those_that_tensorflow_draws(fours):
    drawn = layouts.mixed(tf_drawing.ink_boxes(fours), [3, 4])
    displacements = handwriting.random_displacements(
        tf.reshape(drawn.elastic_pixels, [-1]), [5, 6]
    )
    expected = tf_drawing.compose(fours, drawn, [5, 6], nearest_images=4).numpy()
    *where, shear, overlap, stroke, _ = (jnp.asarray(field) for field in drawn)
    variation = nothing_changed(
        shear=shear,
        stroke=stroke,
        displacements=jnp.asarray(displacements).reshape(COUNT, 4, 2, 4, 4),
    )
    found = jax.jit(drawing.canvases, static_argnums=3)(
        jnp.float32(fours), placements.Placement(*where, overlap), variation, 4
    )
    assert sorted(set(np.asarray(overlap).tolist())) == [0, 1, 2]
    difference = np.abs(np.asarray(found) - expected.astype(np.float32))
    # Rounding: a pixel in ten thousand may be off by one grey level.
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-4


def test_ink_boxes_and_flags_are_those_of_tensorflow(fours):
    with_blank = fours.copy()
    with_blank[0, 1] = 0
    np.testing.assert_array_equal(
        placements.ink_boxes(jnp.float32(with_blank)), tf_drawing.ink_boxes(with_blank)
    )
    flat = fours.reshape(-1, 28, 28)
    uniform = np.random.default_rng(0).random((5, len(flat)), np.float32)
    expected = ones._draw(tf.constant(flat), tf.constant(uniform)).numpy()
    found = np.asarray(deformed_digits._flagged(jnp.float32(flat), uniform))
    difference = np.abs(found - expected.astype(np.float32))
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-3


def test_a_digit_as_it_is_stays_as_it_is(fours):
    found = drawing.single_digits(jnp.float32(fours), nothing_changed())
    np.testing.assert_array_equal(found[..., 0], fours.reshape(-1, 28, 28))


def test_writings_are_a_function_of_seed_and_image(digits):
    numbers = jnp.array([7, 3, 7])
    first = deformed_digits.variation_of(5, numbers, len(digits.images))
    for field in first:
        np.testing.assert_array_equal(field[0], field[2])
    assert (first.chosen[0] != first.chosen[1]).any()
    alone = deformed_digits.variation_of(5, numbers[1:2], len(digits.images))
    other = deformed_digits.variation_of(6, numbers[1:2], len(digits.images))
    np.testing.assert_array_equal(alone.chosen[0], first.chosen[1])
    assert (other.chosen != alone.chosen).any()


def test_places_are_drawn_by_other_keys_than_writings():
    placing = [jax.random.key_data(students._placing_key(0, step)) for step in range(9)]
    key = jax.random.key(0)
    variation = [jax.random.key_data(jax.random.fold_in(key, i)) for i in range(99)]
    assert len({tuple(np.asarray(each)) for each in placing + variation}) == 108


def test_blends_and_flags(digits):
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)
    one = int(np.flatnonzero(digits.labels == 1)[0])
    seven = int(np.flatnonzero(digits.labels == 7)[0])
    variation = nothing_changed(
        chosen=jnp.array([[one, one, seven, one]]),
        other=jnp.array([[seven, seven, one, one]]),
        other_share=jnp.array([[0.0, 0.25, 0.25, 0.0]]),
        flag=jnp.array(
            [[[0.5] * 5, [0.5] * 3 + [0.0, 0.0], [0.5] * 5, [0.5] * 3 + [0.0, 0.9]]]
        ),
    )
    found = np.asarray(deformed_digits.varied_digits(images, labels, variation)[0])
    first, other = (np.float32(digits.images[which]) for which in (one, seven))
    np.testing.assert_array_equal(found[0], first)
    np.testing.assert_allclose(found[1], 0.75 * first + 0.25 * other, atol=0.5)
    np.testing.assert_allclose(found[2], 0.75 * other + 0.25 * first, atol=0.5)
    flagged = ones._draw(
        tf.constant(digits.images[one : one + 1]),
        tf.constant([[0.5], [0.5], [0.5], [0.0], [0.9]]),
    )
    assert (found[3] > first).any()
    np.testing.assert_allclose(found[3], np.float32(flagged[0]), atol=1)


def test_layouts_stand_where_tensorflows_do(fours):
    boxes = jnp.tile(placements.ink_boxes(jnp.float32(fours)), (8, 1, 1))
    key = jax.random.key(0)
    tiled = placements._tiled(key, boxes)
    expected = layouts.tiled(tf.constant(boxes), [0, 0])
    for field in ("center_x", "center_y", "width", "height", "overlap"):
        np.testing.assert_array_equal(
            getattr(tiled, field), getattr(expected, field).numpy()
        )
    steps = np.array(placements._assignment(key, boxes).center_x) - 14
    ends = np.concatenate([np.zeros([len(steps), 1]), steps[:, :-1] + 28], axis=1)
    gaps = steps - ends
    assert gaps[steps > 0].min() == -15 and gaps.max() == 14 and steps.min() == 0
    lefts = np.array(placements._separate(key, boxes).center_x) - 14
    assert np.diff(lefts, axis=1).min() >= 28
    assert lefts.min() == 0 and lefts.max() <= 168 - 28
    scattered = placements._scattered(key, boxes)
    assert np.abs(scattered.rotation_degrees).max() <= 15
    assert {float(y) for y in scattered.center_y.ravel()} == set(range(14, 26))


def same_numbers(shape, low=0.0, high=1.0):
    """Random numbers that depend on their shape and bounds alone."""
    bounds = int(1000 * (low + 100)), int(1000 * (high + 100))
    rng = np.random.default_rng((*map(int, shape), *bounds))
    return np.float32(rng.uniform(low, high, tuple(shape)))


@pytest.fixture
def without_chance(monkeypatch):
    """Both libraries draw `same_numbers`."""

    def of_tensorflow(shape, seed, minval=0, maxval=1):
        del seed
        return tf.constant(same_numbers(shape, minval, maxval))

    def of_jax(key, shape, minval=0, maxval=1):
        del key
        return jnp.asarray(same_numbers(shape, minval, maxval))

    monkeypatch.setattr(tf.random, "stateless_uniform", of_tensorflow)
    monkeypatch.setattr(jax.random, "uniform", of_jax)


class DrawnByTensorFlow:
    """In place of `jax.random` and `degradation._per_image`: numbers that `degradation_kinds` drew.

    Each kind takes those of images one after another, and so the words' halves.
    """

    def __init__(self, numbers):
        self.per_image, self.words = (np.asarray(each) for each in numbers)
        self.halves = np.concatenate([self.words, self.words >> 16], axis=1) & 0xFFFF
        self.images_taken = self.halves_taken = 0

    def __call__(self, images, key, low, high):
        self.images_taken += 1
        return low + self.per_image[self.images_taken - 1] * (high - low)

    def uniform(self, key, shape):
        count = self.per_image.shape[1]
        if shape[0] == 3:  # of four bands each
            bands = self.per_image.reshape(3, 4, count, 1, 1, 1)
            return jnp.asarray(bands.swapaxes(1, 2))
        if shape[0] == 7:  # of a line
            return jnp.asarray(self.per_image[:7, ..., 0])
        first = self.halves_taken
        self.halves_taken += math.prod(shape) // count
        halves = self.halves[:, first : self.halves_taken]
        return jnp.asarray(np.float32(halves) / 2**16).reshape(shape)

    def randint(self, key, shape, low, high):
        numbers = low + (self.halves * (high - low) >> 16)
        return jnp.asarray(numbers).reshape(shape)

    def normal(self, key, shape):
        bytes_of_words = self.words[: shape[0]].copy().view(np.uint8)
        total = bytes_of_words.reshape(shape[0], 20, 168, 1, 4).sum(-1, dtype=int)
        noise = np.float32(total - 510) / np.sqrt(65535 / 3)
        return jnp.asarray(np.concatenate([noise, -noise], axis=1))


def numbers_for(kind, count):
    """What TensorFlow draws; the later images' noise is the negative, as in JAX."""
    plan = [(kind, count)]
    numbers = degradation_kinds.split_by_kind(
        degradation_kinds.draw(plan, [0, 0]), plan
    )[0]
    if kind is degradation_kinds.add_noise:
        first = numbers.words[: count // 2]
        words = tf.concat([first, tf.bitwise.invert(first)], axis=0)
        numbers = numbers._replace(words=words)
    return numbers


@pytest.mark.parametrize("number", range(len(tf_degradation._KINDS)))
def test_degradation_is_that_of_tensorflow(fours, number, monkeypatch):
    """To a grey level, given the same random numbers."""
    ours, theirs = list(degradation._KINDS)[number], list(tf_degradation._KINDS)[number]
    assert ours.__name__ == f"_{theirs.__name__}"
    assert degradation._KINDS[ours] == tf_degradation._KINDS[theirs]
    images = np.pad(
        fours[:12].transpose(0, 2, 1, 3).reshape(12, 28, 112, 1),
        [(0, 0), (6, 6), (28, 28), (0, 0)],
    )
    numbers = numbers_for(theirs, 12)
    drawn = DrawnByTensorFlow(numbers)
    monkeypatch.setattr(degradation, "_per_image", drawn)
    for name in ("uniform", "normal", "randint"):
        monkeypatch.setattr(jax.random, name, getattr(drawn, name))
    found = np.round(np.clip(ours(jnp.float32(images), jax.random.key(0)), 0, 255))
    expected = theirs(tf.constant(images), numbers).numpy().astype(np.float32)
    assert (expected != images).any(axis=(1, 2, 3)).mean() > 0.7
    # Sharpened ink may be off where rounding decides.
    assert (np.abs(found - expected) > 1).mean() < 1e-4


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (placements._scattered, layouts.scattered),
        (placements._assignment, layouts.assignment),
        (placements._continuum, layouts._continuum),
    ],
)
def test_random_layouts_are_those_of_tensorflow(fours, ours, theirs, without_chance):
    """Given the same random numbers, to a hundredth of a pixel."""
    boxes = tf_drawing.ink_boxes(fours)
    found = ours(jax.random.key(0), jnp.asarray(boxes))
    expected = theirs(boxes, [0, 0])
    for field in placements.Placement._fields:
        value, other = (np.asarray(getattr(each, field)) for each in (found, expected))
        np.testing.assert_allclose(value, other, atol=0.01, err_msg=field)
    assert np.ptp(np.asarray(found.center_x), axis=0).min() > 5


def test_at_least_the_last_17_of_32_images_stay_clean(fours):
    images = np.zeros([32, 40, 168, 1], np.float32) + 100
    degrade = jax.jit(degradation.degrade, static_argnums=2)
    degraded = np.asarray(degrade(images, jax.random.key(1), 1.0))
    changed = (degraded != images).any(axis=(1, 2, 3))
    assert changed[:15].sum() >= 12 and not changed[15:].any()
    np.testing.assert_array_equal(degrade(images, jax.random.key(1), 0.0), images)
    black = np.zeros([128, 40, 168, 1], np.float32)
    glass = np.asarray(degrade(black, jax.random.key(1), 1.0))[52:56].max((1, 2, 3))
    assert (glass[:2] > 0).all() and (glass[:2] < 200).all() and not glass[2:].any()


def test_numbers_are_those_of_the_pipeline():
    """What cannot be imported where TensorFlow may be missing is written twice."""
    assert placements.SHARES == tuple(share for _, share in layouts.MIXTURE)
    assert deformed_digits.FLAG_SHARE == ones.SHARE
    assert deformed_digits.ELASTIC_GRID == handwriting.ELASTIC_GRID
    assert drawing.TILE_WIDTH == canvas.TILE_WIDTH
    assert (placements.KEEP_EARLIER, placements.BRIGHTEST, placements.WRAP_AROUND) == (
        placement.KEEP_EARLIER,
        placement.BRIGHTEST,
        placement.WRAP_AROUND,
    )
    assert networks.HIDDEN_UNITS == encoder.HIDDEN_UNITS
