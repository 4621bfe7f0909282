"""A model that trains in no time, and what its runs end in."""

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.models import faster_layers
from mnist_sum_tf.training import checkpoints, loop

SETTINGS = config.Config(
    stage="encoder",
    objective="digits",
    total_steps=8,
    global_batch_size=4,
    precision="float32",
    strategy="one_device",
    checkpoint_every_steps=2,
    evaluate_every_steps=4,
    log_every_steps=2,
    optimizer=config.OptimizerConfig(
        learning_rate=0.05, warmup_steps=0, weight_decay=0.1
    ),
)


def build_regressor(dtype):
    """A line with dropout, small enough to train in no time."""
    x = keras.Input((3,))
    y = faster_layers.Dropout(0.5, dtype=dtype, name="dropout")(x)
    y = keras.layers.Dense(1, dtype=dtype, name="line")(y)
    return keras.Model(x, keras.layers.Reshape(())(y), name="regressor")


def make_batch(step):
    x = tf.random.stateless_normal([4, 3], tf.stack([tf.constant(5, tf.int64), step]))
    return x, {"sum": tf.reduce_sum(x, axis=1)}


def make_task():
    return loop.Task(
        build_model=build_regressor,
        build_evaluated=lambda model: keras.Model(
            model.inputs, {"sum": model.outputs[0]}
        ),
        evaluated_outputs=("sum",),
        loss=lambda labels, sums: tf.square(labels["sum"] - sums),
        train_data=lambda start: tf.data.Dataset.range(start, 8).map(make_batch),
        validation_data={"held_out": tf.data.Dataset.range(100, 102).map(make_batch)},
    )


def final_values(directory):
    """Every tensor of the newest checkpoint by its name in the file."""
    path = checkpoints.latest_checkpoint(directory)
    reader = tf.train.load_checkpoint(path)
    names = reader.get_variable_to_shape_map()
    return {
        name: reader.get_tensor(name)
        for name in names
        if "OBJECT_GRAPH" not in name and not name.startswith("settings")
    }


def assert_same_values(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
