"""The sum model with the outputs of the serving signatures."""

import keras
import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.serving.signatures import answer


@keras.saving.register_keras_serializable("mnist_sum_tf")
class Answer(keras.layers.Layer):
    """Adds the most likely digits and sum; see `signatures.answer`."""

    def call(self, outputs):
        return answer(outputs)


def build_answering_model(sum_model: keras.Model) -> keras.Model:
    """Builds the model that the format converters take.

    Args:
        sum_model: see `build_sum_model`.

    Returns:
        A model that shares the weights, from `images`, uint8 `[n, 40, 168, 1]`,
        to a dictionary of `outputs.OUTPUTS`.
    """
    images = keras.Input(config.IMAGE_SHAPE, dtype="uint8", name="images")
    outputs = Answer(dtype="float32", name="answer")(sum_model(images))
    model = keras.Model(images, outputs, name="answering_model")
    model(np.zeros((1, *config.IMAGE_SHAPE), np.uint8))  # Keras exports no unused one.
    return model
