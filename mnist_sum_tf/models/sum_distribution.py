"""Digit logits -> the exact distribution over the sums 0, 1, ..., 36."""

import keras
import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.models.encoder import LOGITS_SHAPE


@keras.saving.register_keras_serializable("mnist_sum_tf")
class CalibratedSoftmax(keras.layers.Layer):
    """Softmax of logits divided by a temperature.

    The temperature is a variable that no gradient changes: 1 while training,
    then fitted on validation data so that probabilities are calibrated.
    Guo et al., "On calibration of modern neural networks" (2017).
    """

    def build(self, input_shape):
        self.temperature = self.add_weight(
            name="temperature", shape=(), initializer="ones", trainable=False
        )

    def call(self, logits):
        return keras.ops.softmax(logits / self.temperature, axis=-1)


@keras.saving.register_keras_serializable("mnist_sum_tf")
class SumOfDigits(keras.layers.Layer):
    """The distribution of the sum of independent digits: their convolution."""

    def call(self, probabilities):
        first, second, third, fourth = (
            probabilities[:, i] for i in range(config.NUM_DIGITS)
        )
        return _convolve(_convolve(first, second), _convolve(third, fourth))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], config.NUM_SUMS)


def _convolve(first, second):
    """`[n, a]` and `[n, b]` distributions -> `[n, a + b - 1]` of the sum."""
    a, b = first.shape[-1], second.shape[-1]
    sums = np.add.outer(np.arange(a), np.arange(b)).ravel()
    adds_up = np.eye(a + b - 1, dtype="float32")[sums]
    pairs = first[:, :, None] * second[:, None, :]
    return keras.ops.matmul(keras.ops.reshape(pairs, (-1, a * b)), adds_up)


def build_sum_distribution() -> keras.Model:
    """Builds the exact sum of four uncertain digits.

    Returns:
        A model named `"sum_distribution"` without trainable variables:
        `digit_logits`, float32 `[n, 4, 10]`, to a dictionary of
        `digit_probabilities`, float32 `[n, 4, 10]`, and `sum_probabilities`,
        float32 `[n, 37]`.
    """
    logits = keras.Input(LOGITS_SHAPE, dtype="float32", name="digit_logits")
    softmax = CalibratedSoftmax(dtype="float32", name="digit_probabilities")
    convolution = SumOfDigits(dtype="float32", name="sum_probabilities")
    digit_probabilities = softmax(logits)
    outputs = {
        "digit_probabilities": digit_probabilities,
        "sum_probabilities": convolution(digit_probabilities),
    }
    return keras.Model(logits, outputs, name="sum_distribution")


def with_distribution(reader: keras.Model) -> keras.Model:
    """Chains a model of digit logits with the distribution of their sum.

    Args:
        reader: images to logits, float32 `[n, 4, 10]`.

    Returns:
        A model from its images to what `build_sum_distribution` gives.
    """
    outputs = build_sum_distribution()(reader.outputs[0])
    return keras.Model(reader.inputs[0], outputs, name=f"evaluated_{reader.name}")
