"""A small model in each format that can be written here."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving.formats import file_export

NEEDS = {
    "model.onnx": ["onnx", "onnxruntime", "tf2onnx"],
    "model.tflite": ["ai_edge_litert"],
    "model_int8.tflite": ["ai_edge_litert"],
}
FLOAT32 = ["model.onnx", "model.tflite"]


def skip_without(name):
    for package in NEEDS[name]:
        pytest.importorskip(package, reason="an optional extra")


@pytest.fixture(scope="module")
def sum_model():
    """Kernels are so large that answers are sure, and differ by image."""
    tf.keras.utils.set_random_seed(3)
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    hidden = model.get_layer("encoder").get_layer("logits")
    hidden.set_weights([8 * weight for weight in hidden.get_weights()])
    distribution = model.get_layer("sum_distribution")
    distribution.get_layer("digit_probabilities").temperature.assign(1.5)
    return model


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (7, 40, 168, 1), np.uint8)
    return np.where(rng.random(images.shape) < 0.2, images, 0).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(sum_model, tmp_path_factory):
    """Each format that can be written here."""
    folder = tmp_path_factory.mktemp("exported")
    writers = dict(file_export.FILES.values())
    for name, packages_ in NEEDS.items():
        if all(importlib.util.find_spec(package) for package in packages_):
            writers[name](sum_model, str(folder / name))
    return folder
