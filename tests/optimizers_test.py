"""Adam and its learning rate."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.training import optimizers


def test_adam_by_hand():
    """The first step is the rate against the gradient's sign, whatever its size."""
    variable = keras.Variable([1.0, 2.0, -3.0])
    optimizer = optimizers.OnePassAdam(0.125)
    optimizer.apply([np.array([4.0, -0.5, 0.0], np.float32)], [variable])
    np.testing.assert_allclose(variable.numpy(), [0.875, 2.125, -3.0], rtol=1e-6)
    # A tenth of the gradient, and a thousandth of its square.
    momentum, velocity = optimizer._momentums[0], optimizer._velocities[0]
    np.testing.assert_allclose(momentum.numpy(), [0.4, -0.05, 0.0], rtol=1e-5)
    np.testing.assert_allclose(velocity.numpy(), [0.016, 0.00025, 0.0], rtol=1e-4)
    assert int(optimizer.iterations.numpy()) == 1


def test_many_steps_are_those_of_keras():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(5, 3)).astype(np.float32)
    gradients = rng.normal(size=(20, 5, 3)).astype(np.float32)
    found = []
    for make in (optimizers.OnePassAdam, keras.optimizers.Adam):
        variable = keras.Variable(start)
        schedule = keras.optimizers.schedules.CosineDecay(0.1, 20)
        optimizer = make(schedule)
        for gradient in gradients:
            optimizer.apply([gradient], [variable])
        found.append(variable.numpy())
    assert np.abs(found[0] - start).max() > 0.1
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


def test_it_goes_on_from_a_checkpoint_of_keras_own(tmp_path):
    gradient = [np.array([4.0, -0.5], np.float32)]
    variables = [keras.Variable([1.0, 2.0]) for _ in range(2)]
    before, after = keras.optimizers.Adam(0.125), optimizers.OnePassAdam(0.125)
    before.apply(gradient, [variables[0]])
    path = tf.train.Checkpoint(optimizer=before).write(str(tmp_path / "ckpt"))
    variables[1].assign(variables[0])
    after.build([variables[1]])
    restored = tf.train.Checkpoint(optimizer=after).read(path)
    restored.assert_consumed()
    for optimizer, variable in zip((before, after), variables):
        optimizer.apply(gradient, [variable])
    assert int(after.iterations.numpy()) == 2
    np.testing.assert_allclose(variables[1].numpy(), variables[0].numpy(), rtol=1e-6)
    np.testing.assert_allclose(variables[1].numpy(), [0.75, 2.25], rtol=1e-4)


def test_kernels_decay_and_nothing_else():
    """A quarter of the rate 1/2 is an eighth; no gradient changes anything."""
    encoder = build_encoder(base_channels=2, normalized=True)
    settings = config.Config(
        stage="encoder",
        objective="digits",
        optimizer=config.OptimizerConfig(
            learning_rate=0.5, schedule="constant", weight_decay=0.25
        ),
    )
    variables = encoder.trainable_variables
    for variable in variables:
        variable.assign(tf.ones(variable.shape))
    optimizer = optimizers.create_optimizer(settings)
    optimizer.build(variables)
    optimizer.apply([tf.zeros(v.shape) for v in variables], variables)
    decayed = 0
    for variable in variables:
        is_kernel = variable.path.endswith("/kernel")
        decayed += is_kernel
        np.testing.assert_array_equal(
            variable.numpy(), 0.875 if is_kernel else 1.0, variable.path
        )
    # Of ten convolutions and two dense layers; the last one alone has a bias.
    assert decayed == 12
    assert len(variables) == 12 + 2 * 11 + 1


@pytest.mark.parametrize(
    "warmup_steps, rates",
    [(10, {0: 0, 5: 0.5, 10: 1, 55: 0.5, 100: 0}), (200, {0: 0, 20: 0.8, 25: 1})],
)
def test_cosine_warms_up_for_a_quarter_at_most_and_ends_at_zero(warmup_steps, rates):
    settings = config.Config(
        stage="encoder",
        objective="digits",
        total_steps=100,
        optimizer=config.OptimizerConfig(learning_rate=1.0, warmup_steps=warmup_steps),
    )
    rate = optimizers.create_optimizer(settings)._learning_rate
    found = [float(rate(step)) for step in rates]
    np.testing.assert_allclose(found, [*rates.values()], atol=1e-6)
