"""Two steps by hand: loss, clipped gradient, learned weights and their average."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.models import faster_layers
from mnist_sum_tf.training import steps, strategies
from mnist_sum_tf.training.task import Task

SETTINGS = config.Config(
    stage="encoder",
    objective="digits",
    global_batch_size=4,
    precision="float32",
    optimizer=config.OptimizerConfig(
        learning_rate=0.125,
        schedule="constant",
        gradient_clip_norm=1.0,
        average_decay=0.2,
    ),
)


def build_weighing(dtype):
    """Two numbers to their weighted sum, at first 0."""
    x = keras.Input((2,))
    weigh = keras.layers.Dense(
        1, use_bias=False, kernel_initializer="zeros", dtype=dtype
    )
    return keras.Model(x, keras.layers.Reshape(())(weigh(x)), name="weighing")


def create(build_model, loss):
    """The state and the step of a training."""
    task = Task(
        build_model=build_model,
        build_evaluated=None,
        evaluated_outputs=(),
        loss=loss,
        train_data=None,
        validation_data={},
    )
    strategy = strategies.create_strategy("one_device")
    state = steps.TrainingState(task, SETTINGS, strategy, "float32")
    return state, steps.TrainingStep(state, task.loss, SETTINGS, strategy)


@pytest.fixture
def state_and_step():
    """A training on four times (3, 4), whose weighted sum is to be 1."""
    state, step = create(
        build_weighing, lambda labels, sums: tf.square(labels["sum"] - sums)
    )

    def take():
        images = tf.constant([[3.0, 4.0]] * 4)
        stops = step.take(images, {"sum": tf.ones(4)}, tf.constant(False))
        assert not stops
        return state.model.get_weights()[0][:, 0]

    return state, take


def test_the_gradient_is_clipped_to_its_norm(state_and_step):
    state, take = state_and_step
    take()
    # -2 * (3, 4) is ten times as long as it may be; Adam keeps a tenth of it.
    momentum = state.optimizer._momentums[0].numpy()[:, 0]
    np.testing.assert_allclose(momentum, [-0.06, -0.08], rtol=1e-4)


def test_the_loss_is_the_mean_over_the_steps(state_and_step):
    state, take = state_and_step
    np.testing.assert_allclose(take(), [0.125, 0.125], rtol=1e-4)
    assert float(state.loss_metric.result()) == pytest.approx(1)
    take()  # 3/8 + 4/8 miss 1 by 1/8
    assert float(state.loss_metric.result()) == pytest.approx(
        (1 + 1 / 64) / 2, rel=1e-4
    )
    assert state.step == 2


def test_the_average_is_short_at_first(state_and_step):
    state, take = state_and_step
    first = take()
    average = state.average.get_weights()[0][:, 0]
    np.testing.assert_allclose(average, 9 / 11 * first, rtol=1e-5)
    second = take()
    # 3 / 12 of the one before would be more than average_decay.
    expected = 0.8 * second + 0.2 * average
    found = state.average.get_weights()[0][:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_gradient_that_is_not_finite_is_skipped():
    """The root of a square has no gradient at 0, where the loss is 0."""
    state, step = create(build_weighing, lambda labels, sums: tf.sqrt(tf.square(sums)))
    state.average.set_weights([np.float32([[3], [4]])])
    step.take(tf.ones([4, 2]), {"sum": tf.ones(4)}, tf.constant(False))
    np.testing.assert_array_equal(state.model.get_weights()[0], [[0], [0]])
    np.testing.assert_array_equal(state.average.get_weights()[0], [[3], [4]])
    assert int(state.skipped) == 1
    assert state.step == 1


def build_dropping(dtype):
    x = keras.Input((64,))
    y = faster_layers.Dropout(0.5, dtype=dtype, seed=0)(x)
    return keras.Model(x, keras.layers.Dense(1, dtype=dtype)(y))


def test_each_step_drops_other_values():
    state, step = create(build_dropping, None)
    dropout = state.model.layers[1]
    state.model = keras.Model(state.model.inputs, dropout.output)
    masks = []
    for iterations in (0, 1, 0):
        state.optimizer.iterations.assign(iterations)
        masks.append(step._outputs(tf.ones([4, 64]))[0].numpy())
    assert (masks[0] != masks[1]).any()
    np.testing.assert_array_equal(masks[0], masks[2])
