"""Distillation in JAX: its encoder is Keras', and how it and its teachers learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from distillation_test import digits, fours

from mnist_sum_tf.distillation import learning, networks, students, teachers
from mnist_sum_tf.models.encoder import build_encoder


@pytest.fixture(scope="module")
def small_student():
    """Parameters and statistics, none of which is what it begins with."""
    start = networks.initial(
        jax.random.key(0), networks.student_layers((2, 3, 4, 5, 6))
    )
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda x: x + jnp.float32(rng.uniform(0.0, 0.2, x.shape)), start
    )


def test_the_folded_student_is_keras_encoder(small_student, fours):
    plain = networks.folded(*jax.tree.map(np.asarray, small_student))
    keras_encoder = build_encoder(block_channels=(2, 3, 4, 5, 6))
    for layer in keras_encoder.layers:
        if layer.weights:
            layer.set_weights(
                [plain[f"{layer.name}/{name}"] for name in ("kernel", "bias")]
            )
    images = np.pad(
        fours[:8].reshape(8, 28, 112, 1), [(0, 0), (6, 6), (28, 28), (0, 0)]
    )
    expected = keras_encoder(images, training=False).numpy()
    assert len(plain) == len(keras_encoder.weights) == 24
    found = students.plain_logits(plain, jnp.float32(images))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    in_bfloat16, _ = networks.student(*small_student, jnp.float32(images))
    # Eight bits of mantissa, twelve layers.
    np.testing.assert_allclose(
        in_bfloat16, expected, atol=0.05 * np.abs(expected).max()
    )


def test_statistics_move_towards_those_of_the_batch():
    layer = networks._Layers(
        {
            "hidden": {
                "kernel": jnp.ones([1, 1]),
                "gamma": jnp.array([2.0]),
                "beta": jnp.array([1.0]),
            }
        },
        {"hidden": {"mean": jnp.array([0.0]), "variance": jnp.array([1.0])}},
        jax.random.key(0),
    )
    # Mean 2 and variance 4: normalised to -1 and 1, then 2 x + 1.
    found = layer.learned(jnp.array([[0.0], [4.0]], jnp.bfloat16), "hidden")
    np.testing.assert_allclose(np.float32(found), [[0.0], [3.0]], atol=0.01)
    np.testing.assert_allclose(layer.statistics["hidden"]["mean"], [0.02], rtol=1e-5)
    np.testing.assert_allclose(
        layer.statistics["hidden"]["variance"], [1.03], rtol=1e-5
    )


def test_dropout_keeps_the_mean():
    layer = networks._Layers({}, {}, jax.random.key(0))
    kept = np.asarray(layer.dropped(jnp.ones([1000, 100]), 0.25))
    assert set(np.unique(kept)) == {0.0, np.float32(4 / 3)}
    np.testing.assert_allclose(kept.mean(), 1.0, atol=0.01)


def test_every_image_is_taken_once_in_each_turn():
    turns = [
        np.concatenate(
            [
                np.asarray(students._numbers(jnp.int32(step), 32, 256))
                for step in range(8 * turn, 8 * turn + 8)
            ]
        )
        for turn in range(3)
    ]
    for turn in turns:
        assert sorted(turn) == list(range(256))
    assert (turns[0] != turns[1]).any() and (turns[1] != turns[2]).any()


def test_no_teacher_sees_what_it_shall_not(digits, monkeypatch):
    monkeypatch.setattr(teachers, "BATCH_IMAGES", 64)
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)
    for number in (2, 8):  # teachers 2 and 8 miss the same sixth
        inputs, chosen = teachers.batch_of(jax.random.key(0), number, images, labels)
        assert inputs.shape == (256, 28, 28, 1)
        assert set(np.asarray(chosen) % teachers.SHARES) == {0, 1, 3, 4, 5}


def test_cross_entropy_by_hand():
    logits = jnp.log(jnp.array([[[0.5, 0.25, 0.25]], [[0.1, 0.2, 0.7]]]))
    targets = jnp.array([[[1.0, 0.0, 0.0]], [[0.0, 0.5, 0.5]]])
    expected = (np.log(2) - 0.5 * (np.log(0.2) + np.log(0.7))) / 2
    np.testing.assert_allclose(
        learning.cross_entropy(logits, targets), expected, rtol=1e-6
    )


def test_a_step_of_adam_and_of_the_average():
    optimizer = learning.adam(learning_rate=0.5, weight_decay=0.1, total_steps=10)
    state = learning.begin({"kernel": jnp.array([[2.0]])}, {}, optimizer)

    def loss(parameters, statistics):
        return 0.5 * jnp.sum(parameters["kernel"] ** 2), statistics

    state, value = learning.advanced(state, optimizer, loss, average_decay=0.9)
    # No warm-up in so short a run: the rate is whole from the first step. A first
    # step is the rate times the gradient's sign, decay the rate times 0.1 times 2.
    np.testing.assert_allclose(value, 2.0)
    np.testing.assert_allclose(state.parameters["kernel"], [[1.4]], rtol=1e-5)
    # The average's decay begins with 1/10.
    np.testing.assert_allclose(state.average["kernel"], [[1.46]], rtol=1e-5)
    assert int(state.step) == 1


def test_a_batch_is_degraded_as_the_settings_say(digits, monkeypatch):
    student = students.StudentConfig(global_batch_size=32, degradation_share=0.25)
    degrade, degraded = students.degradation.degrade, []

    def seen_degrade(drawn, key, share):
        degraded.append((drawn.shape, share, degrade(drawn, key, share)))
        return degraded[-1][-1]

    monkeypatch.setattr(students.degradation, "degrade", seen_degrade)
    images, labels = (jnp.asarray(field[:99]) for field in digits)
    batch = jax.make_jaxpr(
        lambda step: students.batch_of(student, step, images, labels, 256)
    )(jnp.int32(3))
    assert [(shape, share) for shape, share, _ in degraded] == [
        ((32, 40, 168, 1), 0.25)
    ]
    found = [(out.shape, str(out.dtype)) for out in batch.out_avals]
    assert found == [((32, 40, 168, 1), "float32"), ((32,), "int32")]
