"""The processor's peak rate, and the share of it that is reached."""

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf.benchmarks.settings import PRECISIONS, Settings
from mnist_sum_tf.benchmarks.timing import (
    Measurement,
    counted,
    describe,
    time_side_by_side,
)
from mnist_sum_tf.benchmarks.trainers import trainer
from mnist_sum_tf.models.encoder import build_encoder

COMPUTES_IN = {"float32": "float32", "mixed_bfloat16": "bfloat16"}


def flop_per_image(model: keras.Model) -> tuple[int, int]:
    """Floating-point operations in convolutions and dense layers.

    A multiplication and an addition count as two. Learning takes three times as
    many as answering: the gradients with respect to each layer's input and kernel
    cost as much as the layer itself; the image's gradient is not needed.

    Args:
        model: a functional model of one image to one output.

    Returns:
        Operations of an answer, and of a training step.
    """
    answer = step = 0
    for layer in model.layers:
        if not isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            continue
        places = int(np.prod(layer.output.shape[1:-1]))
        own = 2 * places * int(np.prod(layer.kernel.shape))
        step += 2 * own if answer == 0 else 3 * own
        answer += own
    return answer, step


def measure(settings: Settings) -> list[Measurement]:
    """A large matrix product, the training step and an answer, in turn.

    An answer is that of the plain layers, as exported, in the same precision.
    Ratios are the shares of the product's rate in the same precision.
    """
    found = []
    for base_channels, batch_size in settings.compared_batch_size:
        flop = flop_per_image(build_encoder(base_channels))
        group = f"{base_channels} base channels, batches of {batch_size}"
        for name, value in zip(("answer", "training step"), flop):
            found.append(counted(group, name, "MFLOP/image", value / 1e6))
        for precision in PRECISIONS:
            amounts, runs = _work(base_channels, precision, batch_size, settings)
            seconds = time_side_by_side(runs, settings.budget)
            found += shares_of_peak(
                f"{group}, {precision}", amounts, seconds, peak="matrix product"
            )
    return found


def _work(base_channels, precision, batch_size, settings):
    bench = trainer(base_channels, precision, batch_size)
    answer, step = flop_per_image(bench.state.model)
    size, images = settings.matrix_size, bench.batch[0]
    matrices = [
        tf.cast(tf.random.normal([size, size], seed=i), COMPUTES_IN[precision])
        for i in (1, 2)
    ]
    product = tf.function(lambda: tf.matmul(*matrices)[0, 0])
    plain = build_encoder(base_channels, dtype=precision)
    forward = tf.function(lambda: plain(images, training=False))
    amounts = {
        "matrix product": 2 * size**3,
        "training step": batch_size * step,
        "answer": batch_size * answer,
    }
    runs = {
        "matrix product": lambda: product().numpy(),
        "training step": bench.take_step,
        "answer": lambda: forward().numpy(),
    }
    return amounts, runs


def shares_of_peak(
    group: str, amounts: dict, seconds: dict, peak: str
) -> list[Measurement]:
    """GFLOP/s of each, with the share of the peak's as ratio."""
    rate = {name: amounts[name] / s / 1e9 for name, s in seconds.items()}
    return [
        describe(group, name, "GFLOP/s", each, each / rate[peak])
        for name, each in rate.items()
    ]
