"""Keras -> ONNX."""

import keras

from mnist_sum_tf.serving.formats.answering import build_answering_model
from mnist_sum_tf.serving.formats.quiet import quiet


def write(sum_model: keras.Model, path: str) -> None:
    """Writes an `.onnx` file: any batch size, computed in float32."""
    with quiet():
        build_answering_model(sum_model).export(path, format="onnx", verbose=False)
