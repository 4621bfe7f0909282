"""Image of four cells -> digit logits, by one small network for all four cells.

Trained on sums alone, the encoder's four slots may divide the sum among them
in any way. Here one network reads all four cells, which rules that out: it
must read each cell's digit. The digits' positions must be known.
"""

import keras

from mnist_sum_tf import config
from mnist_sum_tf.models.encoder import LOGITS_SHAPE
from mnist_sum_tf.models.normalization import FusedBatchNormalization

CHANNELS = (32, 64)
HIDDEN_UNITS = 128
DROPOUT_RATE = 0.3
CROP = 32  # side of the central square of a 40x42 cell that is used


def build_cell_reader(dtype="float32") -> keras.Model:
    """Builds the reader of images whose digits stand in the middles of cells.

    Args:
        dtype: Keras dtype policy.

    Returns:
        A model named `"cell_reader"`: `images`, uint8 `[n, 40, 168, 1]` (see
        `segments.set_apart`), to logits, float32 `[n, 4, 10]`.
    """
    images = keras.Input(config.IMAGE_SHAPE, dtype="uint8", name="images")
    cells = (config.IMAGE_HEIGHT, config.NUM_DIGITS, config.CELL_WIDTH)
    x = keras.layers.Reshape(cells, dtype="uint8", name="columns_by_cell")(images)
    x = keras.layers.Permute((2, 1, 3), dtype="uint8", name="cells")(x)
    x = keras.ops.reshape(x, (-1, config.IMAGE_HEIGHT, config.CELL_WIDTH, 1))
    logits = build_digit_reader(dtype)(x)
    logits = keras.ops.reshape(logits, (-1, *LOGITS_SHAPE))
    return keras.Model(images, logits, name="cell_reader")


def build_digit_reader(dtype="float32") -> keras.Model:
    """Builds the reader of one cell.

    Returns:
        A model named `"digit_reader"`: uint8 `[n, 40, 42, 1]` to logits, float32
        `[n, 10]`.
    """
    layers = keras.layers
    shape = (config.IMAGE_HEIGHT, config.CELL_WIDTH, 1)
    cell = keras.Input(shape, dtype="uint8", name="cell")
    margins = (config.IMAGE_HEIGHT - CROP) // 2, (config.CELL_WIDTH - CROP) // 2
    x = layers.Cropping2D(margins, dtype=dtype, name="middle")(cell)
    x = layers.Rescaling(2 / 255, offset=-1.0, dtype=dtype, name="rescaling")(x)
    for block, channels in enumerate(CHANNELS, start=1):
        for part in ("conv1", "conv2"):
            name = f"block{block}_{part}"
            x = layers.Conv2D(
                channels,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer="he_uniform",
                dtype=dtype,
                name=name,
            )(x)
            x = FusedBatchNormalization(dtype=dtype, name=f"{name}_norm")(x)
            x = layers.ReLU(dtype=dtype, name=f"{name}_relu")(x)
        x = layers.MaxPooling2D(2, dtype=dtype, name=f"block{block}_pool")(x)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    x = layers.Dense(HIDDEN_UNITS, activation="relu", dtype=dtype, name="hidden")(x)
    x = layers.Dropout(DROPOUT_RATE, dtype=dtype, name="hidden_dropout")(x)
    x = layers.Dense(config.NUM_CLASSES, dtype=dtype, name="logits")(x)
    x = layers.Activation("linear", dtype="float32", name="digit_logits")(x)
    return keras.Model(cell, x, name="digit_reader")
