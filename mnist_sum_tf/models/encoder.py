"""Image -> digit logits."""

import keras

from mnist_sum_tf import config

NUM_BLOCKS = 5
HIDDEN_UNITS = 512
IMAGE_SHAPE = (config.IMAGE_HEIGHT, config.IMAGE_WIDTH, 1)
LOGITS_SHAPE = (config.NUM_DIGITS, config.NUM_CLASSES)


def build_encoder(
    base_channels: int = 16, dropout_rate: float = 0.1, dtype="float32"
) -> keras.Model:
    """Builds the convolutional network that reads four digits.

    Five blocks of [conv 3x3, ReLU, conv 3x3, ReLU, max pool 2x2, dropout], each
    with twice the channels of the one before; then dense 512, ReLU, dropout,
    dense 40. `base_channels=64` is the original: 21,484,520 parameters.

    Args:
        base_channels: channels of the first block.
        dropout_rate: share of activations dropped while training.
        dtype: Keras dtype policy, e.g. `"float32"` or `"mixed_bfloat16"`;
            variables and outputs are float32 under either.

    Returns:
        A model named `"encoder"`: `images`, uint8 `[n, 40, 168, 1]` in 0..255,
        to logits, float32 `[n, 4, 10]` (digit in reading order, class).
    """
    layers = keras.layers
    images = keras.Input(IMAGE_SHAPE, dtype="uint8", name="images")
    # Pixels to [-1, 1], as the original did (mean 0.5, deviation 0.5).
    x = layers.Rescaling(2 / 255, offset=-1.0, dtype=dtype, name="rescaling")(
        images
    )
    for block in range(NUM_BLOCKS):
        channels = base_channels * 2**block
        x = _convolution_block(x, channels, dropout_rate, dtype, block + 1)
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    x = layers.Dense(HIDDEN_UNITS, "relu", dtype=dtype, name="hidden")(x)
    x = layers.Dropout(dropout_rate, dtype=dtype, name="hidden_dropout")(x)
    units = config.NUM_DIGITS * config.NUM_CLASSES
    x = layers.Dense(units, dtype=dtype, name="logits")(x)
    # Softmax and losses want float32 whatever the layers computed in.
    logits = layers.Reshape(LOGITS_SHAPE, dtype="float32", name="digit_logits")(
        x
    )
    return keras.Model(images, logits, name="encoder")


def _convolution_block(x, channels, dropout_rate, dtype, number):
    layers = keras.layers
    name = f"block{number}"
    for part in ("conv1", "conv2"):
        x = layers.Conv2D(
            channels, 3, padding="same", activation="relu",
            kernel_initializer="he_uniform", dtype=dtype, name=f"{name}_{part}",
        )(x)  # fmt: skip
    x = layers.MaxPooling2D(2, dtype=dtype, name=f"{name}_pool")(x)
    return layers.Dropout(dropout_rate, dtype=dtype, name=f"{name}_dropout")(x)
