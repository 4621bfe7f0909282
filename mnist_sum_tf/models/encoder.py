"""Image -> digit logits."""

from collections.abc import Sequence

import keras

from mnist_sum_tf import config
from mnist_sum_tf.models import faster_layers
from mnist_sum_tf.models.normalization import (
    SUFFIX,
    FusedBatchNormalization,
    fold_normalization,
    unfold_normalization,
)

HIDDEN_UNITS = 512
LOGITS_SHAPE = (config.NUM_DIGITS, config.NUM_CLASSES)


def build_encoder(
    base_channels: int = 16,
    dropout_rate: float = 0.1,
    dtype="float32",
    normalized: bool = False,
    block_channels: Sequence[int] | None = None,
) -> keras.Model:
    """Builds the convolutional network that reads four digits.

    Five blocks of [conv 3x3, ReLU, conv 3x3, ReLU, max pool 2x2, dropout], each
    with twice the channels of the one before by default; then dense
    512, ReLU, dropout, dense 40. `base_channels=64` is the original: 21,484,520
    parameters.

    Args:
        base_channels: channels of the first block.
        dropout_rate: share of activations dropped while training.
        dtype: Keras dtype policy, e.g. `"float32"` or `"mixed_bfloat16"`;
            variables and outputs are float32 under either.
        normalized: whether to normalise batches before each ReLU, which helps
            while learning; see `normalization.fold_normalization`.
        block_channels: channels of each of the five blocks, in place of
            `base_channels`.

    Returns:
        A model named `"encoder"`: `images`, uint8 `[n, 40, 168, 1]` in 0..255,
        to logits, float32 `[n, 4, 10]` (digit in reading order, class).
    """
    images = keras.Input(config.IMAGE_SHAPE, dtype="uint8", name="images")
    # Pixels to [-1, 1], as the original did (mean 0.5, deviation 0.5).
    x = keras.layers.Rescaling(2 / 255, offset=-1.0, dtype=dtype, name="rescaling")(
        images
    )
    block_channels = block_channels or config.doubled_channels(base_channels)
    for block, channels in enumerate(block_channels, start=1):
        x = _block(x, f"block{block}", channels, dropout_rate, dtype, normalized)
    logits = _four_digits(x, dropout_rate, dtype, normalized)
    return keras.Model(images, logits, name="encoder")


def _block(x, name: str, channels: int, dropout_rate, dtype, normalized: bool):
    """Maps `[n, height, width, c]` to `[n, height // 2, width // 2, channels]`."""
    for part in ("conv1", "conv2"):
        x = _with_relu(
            x,
            faster_layers.Conv2D,
            f"{name}_{part}",
            normalized,
            is_pooled=part == "conv2",
            filters=channels,
            kernel_size=3,
            padding="same",
            kernel_initializer="he_uniform",
            dtype=dtype,
        )
    x = faster_layers.MaxPooling2D(2, dtype=dtype, name=f"{name}_pool")(x)
    return faster_layers.Dropout(dropout_rate, dtype=dtype, name=f"{name}_dropout")(x)


def _four_digits(x, dropout_rate, dtype, normalized: bool):
    """Maps `[n, height, width, c]` to logits, float32 `[n, 4, 10]`."""
    layers = keras.layers
    x = layers.Flatten(dtype=dtype, name="flatten")(x)
    x = _with_relu(
        x, layers.Dense, "hidden", normalized, units=HIDDEN_UNITS, dtype=dtype
    )
    x = faster_layers.Dropout(dropout_rate, dtype=dtype, name="hidden_dropout")(x)
    units = config.NUM_DIGITS * config.NUM_CLASSES
    x = layers.Dense(units, dtype=dtype, name="logits")(x)
    # Softmax and losses need float32, whatever the layers computed in.
    return layers.Reshape(LOGITS_SHAPE, dtype="float32", name="digit_logits")(x)


def _with_relu(
    x, layer, name: str, normalized: bool, dtype, is_pooled=False, **options
):
    """The layer, normalised or not, and ReLU."""
    if not normalized:
        if is_pooled:
            options["is_pooled"] = True
        return layer(activation="relu", name=name, dtype=dtype, **options)(x)
    x = layer(use_bias=False, name=name, dtype=dtype, **options)(x)
    x = FusedBatchNormalization(name=name + SUFFIX, dtype=dtype)(x)
    relu = faster_layers.ReLU if is_pooled else keras.layers.ReLU
    return relu(name=f"{name}_relu", dtype=dtype)(x)


def without_normalization(encoder: keras.Model, dtype="float32") -> keras.Model:
    """Converts a normalised encoder into an equivalent one of plain layers.

    Args:
        encoder: from `build_encoder`; returned unchanged if already plain.
        dtype: Keras dtype policy of a new one.
    """
    if not any(layer.name.endswith(SUFFIX) for layer in encoder.layers):
        return encoder
    plain = _of_the_size_of(encoder, dtype, normalized=False)
    fold_normalization(encoder, plain)
    return plain


def with_normalization(encoder: keras.Model, images, dtype="float32") -> keras.Model:
    """Converts a plain encoder into an equivalent normalised one, for training.

    Args:
        encoder: from `build_encoder`, plain.
        images: uint8 `[n, 40, 168, 1]`, a sample of the training images.
        dtype: Keras dtype policy of the new one.
    """
    normalized = _of_the_size_of(encoder, dtype, normalized=True)
    unfold_normalization(encoder, normalized, images)
    return normalized


def _of_the_size_of(encoder: keras.Model, dtype, normalized: bool) -> keras.Model:
    return build_encoder(
        dropout_rate=encoder.get_layer("block1_dropout").rate,
        dtype=dtype,
        normalized=normalized,
        block_channels=channels_of(encoder),
    )


def channels_of(encoder: keras.Model) -> tuple[int, ...]:
    """Channels of each of the five blocks."""
    return tuple(
        encoder.get_layer(f"block{block + 1}_conv1").filters
        for block in range(config.NUM_BLOCKS)
    )
