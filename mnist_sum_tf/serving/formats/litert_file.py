"""Keras -> LiteRT."""

import keras
import tensorflow as tf

from mnist_sum_tf.serving.formats.answering import build_answering_model
from mnist_sum_tf.serving.formats.quiet import quiet


def write(sum_model: keras.Model, path: str) -> None:
    """Writes a `.tflite` file: any batch size, computed in float32."""
    _export(sum_model, path)


def write_int8(sum_model: keras.Model, path: str) -> None:
    """Writes a `.tflite` file of int8 weights, a quarter of the size.

    Activations are rounded to int8 while it runs, in steps that fit each image
    (dynamic-range quantization). Steps fixed beforehand from example images
    would cost the decoder's sums two points of accuracy.
    """
    _export(sum_model, path, optimizations=[tf.lite.Optimize.DEFAULT])


def _export(sum_model: keras.Model, path: str, **options) -> None:
    with quiet():
        build_answering_model(sum_model).export(
            path, format="litert", verbose=False, **options
        )
