"""Image -> digits, sum and confidence: encoder, decoder and distribution."""

import keras

from mnist_sum_tf import config
from mnist_sum_tf.models.sum_distribution import build_sum_distribution


def build_sum_model(encoder: keras.Model, decoder: keras.Model) -> keras.Model:
    """Chains the encoder with the decoder and with the exact distribution.

    Args:
        encoder: images to digit logits, see `build_encoder`.
        decoder: digit logits to sum, see `build_decoder`.

    Returns:
        A model named `"sum_model"`: `images`, uint8 `[n, 40, 168, 1]`, to a
        dictionary of float32 tensors: `digit_logits` `[n, 4, 10]`,
        `digit_probabilities` `[n, 4, 10]`, `sum_probabilities` `[n, 37]`, and
        `sum` `[n]`, the decoder's regression.
    """
    images = keras.Input(config.IMAGE_SHAPE, dtype="uint8", name="images")
    digit_logits = encoder(images)
    outputs = {
        "digit_logits": digit_logits,
        **build_sum_distribution()(digit_logits),
        "sum": decoder(digit_logits),
    }
    return keras.Model(images, outputs, name="sum_model")
