"""Digit logits -> sum."""

import keras

from mnist_sum_tf.models.encoder import LOGITS_SHAPE

HIDDEN_UNITS = (64, 128, 64)


def build_decoder(dtype="float32") -> keras.Model:
    """Builds the small network that adds four digits it sees as logits.

    Softmax over the classes of each digit, flatten to 40, dense 64, 128, 64 with
    ReLU, dense 1.

    Args:
        dtype: Keras dtype policy.

    Returns:
        A model named `"decoder"`: `digit_logits`, float32 `[n, 4, 10]`, to the
        sum, float32 `[n]`.
    """
    layers = keras.layers
    logits = keras.Input(LOGITS_SHAPE, dtype="float32", name="digit_logits")
    x = layers.Softmax(dtype="float32", name="digit_probabilities")(logits)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    for number, units in enumerate(HIDDEN_UNITS, start=1):
        x = layers.Dense(units, "relu", dtype=dtype, name=f"hidden{number}")(x)
    x = layers.Dense(1, dtype=dtype, name="regression")(x)
    sums = layers.Reshape((), dtype="float32", name="sum")(x)
    return keras.Model(logits, sums, name="decoder")
