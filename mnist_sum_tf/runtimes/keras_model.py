"""A reader of any format as a Keras model, to be evaluated like all others."""

import keras
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.runtimes.loading import Reader
from mnist_sum_tf.runtimes.outputs import OUTPUTS


def as_keras_model(reader: Reader, name: str = "model_file") -> keras.Model:
    """Wraps a reader.

    Args:
        reader: see `load_file`.
        name: of the model.

    Returns:
        A model without weights, from images to a dictionary of `OUTPUTS`. It
        cannot be saved.
    """
    images = keras.Input(config.IMAGE_SHAPE, dtype="uint8", name="images")
    return keras.Model(images, _Reading(reader)(images), name=name)


class _Reading(keras.layers.Layer):
    def __init__(self, reader: Reader):
        super().__init__(name="reading", dtype="float32")
        self.supports_jit = False  # XLA, which Keras takes on GPUs, calls no Python
        self._reader = reader

    def call(self, images):
        dtypes = [output.dtype for output in OUTPUTS.values()]
        found = tf.numpy_function(self._read, [images], dtypes, stateful=False)
        for tensor, output in zip(found, OUTPUTS.values()):
            tensor.set_shape([images.shape[0], *output.shape])
        return dict(zip(OUTPUTS, found))

    def _read(self, images):
        answer = self._reader(images)
        return [answer[name] for name in OUTPUTS]

    def compute_output_spec(self, images):
        return {
            name: keras.KerasTensor(
                (images.shape[0], *output.shape), output.dtype.__name__
            )
            for name, output in OUTPUTS.items()
        }
