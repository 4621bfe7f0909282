"""Small trainings on several devices, in processes that tests start.

    python tests/many_devices.py mirrored FOLDER COUNT
    TF_CONFIG=... python tests/many_devices.py worker FOLDER SLEEP

The first trains on one and on so many logical devices of the processor; the
second is one of several machines, which sleeps so many seconds in each step.
Both print JSON.
"""

import json
import os
import pathlib
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.models import faster_layers
from mnist_sum_tf.models.encoder import build_encoder, with_normalization
from mnist_sum_tf.models.normalization import (
    FusedBatchNormalization,
    statistics_of,
)
from mnist_sum_tf.models.sum_distribution import build_sum_distribution
from mnist_sum_tf.training import (
    checkpoints,
    interruptions,
    loop,
    records,
    stages,
    strategies,
)
from mnist_sum_tf.training.history import read_history
from mnist_sum_tf.user_errors import UserError

TOTAL_STEPS = 12


def settings(strategy: str) -> config.Config:
    return config.Config(
        stage="encoder",
        objective="digits",
        total_steps=TOTAL_STEPS,
        global_batch_size=8,
        precision="float32",
        strategy=strategy,
        checkpoint_every_steps=4,
        evaluate_every_steps=6,
        log_every_steps=1,
        optimizer=config.OptimizerConfig(
            learning_rate=0.05, warmup_steps=0, weight_decay=0.1
        ),
    )


def make_task(dropout: float = 0.0, stop: int = TOTAL_STEPS, sleep: float = 0.0):
    """Learns the sum of three numbers; the data end before step `stop`."""

    def build_model(dtype):
        x = keras.Input((3,))
        y = keras.layers.Dense(16, dtype=dtype)(x)
        y = keras.layers.Reshape((2, 2, 4))(y)  # as an image
        y = FusedBatchNormalization(dtype=dtype)(y)
        y = keras.layers.Reshape((16,))(y)
        y = faster_layers.Dropout(dropout, dtype=dtype)(y)
        y = keras.layers.Dense(1, dtype=dtype)(y)
        return keras.Model(x, keras.layers.Reshape(())(y), name="regressor")

    def make_batch(step):
        seed = tf.stack([tf.constant(5, tf.int64), step])
        x = tf.random.stateless_normal([8, 3], seed)
        return x, {"sum": tf.reduce_sum(x, axis=1)}

    def make_slowly(step):
        tf.py_function(lambda: time.sleep(sleep), [], [])
        return make_batch(step)

    evaluated = tf.data.Dataset.range(100, 102).map(make_batch)
    return loop.Task(
        build_model=build_model,
        build_evaluated=lambda model: keras.Model(
            model.inputs, {"sum": model.outputs[0]}
        ),
        evaluated_outputs=("sum",),
        loss=lambda labels, sums: tf.square(labels["sum"] - sums),
        train_data=lambda start: tf.data.Dataset.range(start, stop).map(
            make_slowly if sleep else make_batch
        ),
        validation_data={"held_out": evaluated},
    )


def train(task, folder, devices) -> loop.Trainer:
    """Trains on logical devices."""
    keras.utils.set_random_seed(0)
    strategy = tf.distribute.OneDeviceStrategy(devices[0])
    if len(devices) > 1:
        strategy = tf.distribute.MirroredStrategy(devices)
    trainer = loop.Trainer(task, settings("mirrored"), folder, strategy, "float32")
    trainer.run(interruptions.StopRequest())
    return trainer


def values(trainer: loop.Trainer) -> list:
    """All that a trainer holds, in a form to compare."""
    state = trainer.state
    held = [*state.model.weights, *state.average.weights, *state.seeds]
    held += state.optimizer.variables
    return [np.asarray(each.numpy()).tolist() for each in held]


def masks(trainer: loop.Trainer) -> list:
    """Which of 3 x 16 values dropout kept, by step (two of them) and replica."""
    model, state = trainer.state.model, trainer.state
    dropout = next(
        layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)
    )
    x = keras.Input((16,))
    state.model = keras.Model(x, dropout(x))
    assert not statistics_of(state.model)  # without normalisation

    @tf.function
    def draw():
        outputs = trainer.training_step._outputs
        return trainer.strategy.run(outputs, (tf.ones([3, 16]),))[0]

    first, drawn = state.step, []
    for step in (first, first + 1):
        state.optimizer.iterations.assign(step)
        drawn += trainer.strategy.experimental_local_results(draw())
    state.optimizer.iterations.assign(first)
    state.model = model
    return [np.asarray(each).astype(int).ravel().tolist() for each in drawn]


def normalised_starts(strategy) -> bool:
    """Whether an encoder begins normalised alike on one device and on many."""
    plain = build_encoder(base_channels=2)
    images = np.random.default_rng(0).integers(0, 256, (6, 40, 168, 1), np.uint8)
    alone = with_normalization(plain, images).get_weights()
    with strategy.scope():
        spread = with_normalization(plain, images).get_weights()
    return len(alone) == len(spread) > 50 and all(map(np.array_equal, alone, spread))


def sum_gradients(strategy) -> list:
    """By replica: the loss of eight images' sums, and the gradient of a weight.

    As `steps.TrainingStep` adds them up; slots are kept uncorrelated.
    """
    logits, sums = logits_and_sums()
    end_to_end = config.Config(
        stage="sum_model", objective="distribution", decorrelation=10.0
    )
    with strategy.scope():
        scale, distribution = tf.Variable(1.0), build_sum_distribution()

    def follow(logits, sums):
        with tf.GradientTape() as tape:
            outputs = distribution(logits * scale)
            loss = stages._end_to_end_loss(end_to_end, {"sum": sums}, outputs)
            loss = tf.reduce_sum(loss) / 8
        gradient = tape.gradient(loss, scale)
        context = tf.distribute.get_replica_context()
        return context.all_reduce("SUM", [loss, gradient])

    @tf.function(autograph=False)
    def spread():
        def share(values):
            parts = np.split(values, strategy.num_replicas_in_sync)
            return strategy.experimental_distribute_values_from_function(
                lambda context: tf.constant(parts[context.replica_id_in_sync_group])
            )

        return strategy.run(follow, (share(logits), share(sums)))

    results = strategy.experimental_local_results
    return [list(map(float, each)) for each in zip(*map(results, spread()))]


def logits_and_sums():
    """Of eight images."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(8, 4, 10)).astype("float32")
    return logits, random.integers(0, 37, 8)


def mirrored(folder: pathlib.Path, count: str) -> dict:
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        processor, [tf.config.LogicalDeviceConfiguration()] * int(count)
    )
    devices = [f"CPU:{number}" for number in range(int(count))]
    for name in ("one", "all", "masks"):
        (folder / name).mkdir()
    one = train(make_task(), folder / "one", devices[:1])
    spread = train(make_task(), folder / "all", devices)
    strategy = tf.distribute.MirroredStrategy(devices)
    untrained = loop.Trainer(
        make_task(0.5), settings("mirrored"), folder / "masks", strategy, "float32"
    )
    return {
        "losses": [_losses(folder / name) for name in ("one", "all")],
        "statistics": [
            np.concatenate(statistics_of(trainer.state.model)).tolist()
            for trainer in (one, spread)
        ],
        "momenta": [
            [
                value
                for each in trainer.state.optimizer._momentums
                for value in each.numpy().ravel().tolist()
            ]
            for trainer in (one, spread)
        ],
        "masks": masks(untrained),
        "starts_alike": normalised_starts(strategy),
        "replicas": strategies.create_strategy("mirrored").num_replicas_in_sync,
        "resumed": resume(folder, devices),
        # Last, and with a strategy that has trained: each one numbers what its
        # devices do together from the same start, and devices hold to that.
        "sum_gradients": sum_gradients(spread.strategy),
    }


def resume(folder: pathlib.Path, devices) -> bool:
    """Whether a run that stops, its data missing, ends as one that does not."""
    for name in ("whole", "parts"):
        (folder / name).mkdir()
    whole = train(make_task(0.5), folder / "whole", devices)
    try:
        train(make_task(0.5, stop=7), folder / "parts", devices)
    except StopIteration:
        parts = train(make_task(0.5), folder / "parts", devices)
        return values(whole) == values(parts)
    return False


def _losses(folder) -> list[float]:
    return [row["loss"] for row in read_history(folder)]


def worker(folder: pathlib.Path, sleep: str) -> dict:
    """Trains as the machine that TF_CONFIG names; tells what it wrote."""
    written, trainers = [], []
    _note_calls(checkpoints.CheckpointFolder, "save", written)
    _note_calls(records.History, "save", written)
    _note_calls(records.Scalars, "add", written)
    _note_calls(loop.Trainer, "run", trainers)
    try:
        loop.train_and_evaluate(
            lambda: make_task(sleep=float(sleep)),
            settings("multi_worker"),
            folder,
        )
    except (UserError, interruptions.TrainingStopped) as error:
        return {"error": str(error)}
    names = [type(each).__name__ for each in written]
    return {"weights": values(trainers[0]), "written": names}


def _note_calls(owner, name: str, calls: list) -> None:
    """Lets a method add its object to a list whenever it is called."""
    original = getattr(owner, name)

    def noted(self, *arguments):
        calls.append(self)
        return original(self, *arguments)

    setattr(owner, name, noted)


if __name__ == "__main__":
    mode, folder, *rest = sys.argv[1:]
    function = {"mirrored": mirrored, "worker": worker}[mode]
    print(json.dumps(function(pathlib.Path(folder), *rest)), flush=True)
    if mode == "worker":
        os._exit(0)  # as scripts/cli.py does when another machine is gone
