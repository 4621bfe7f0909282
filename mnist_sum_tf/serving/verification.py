"""Checks that an export answers as the model it was written from."""

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.runtimes.loading import Reader
from mnist_sum_tf.serving import signatures

VERIFIED_BATCH_SIZES = (1, 2, 33)
TOLERANCE = 1e-4


def verify_saved_model(sum_model: keras.Model, path: str) -> None:
    """Loads a SavedModel and compares each signature with the model.

    Raises:
        RuntimeError: if an answer differs by more than `TOLERANCE`.
    """
    loaded = tf.saved_model.load(path)
    for batch_size in VERIFIED_BATCH_SIZES:
        images = _fixed_images(batch_size)
        files = tf.map_fn(tf.io.encode_png, images, tf.string)
        outputs = sum_model(images, training=False)
        answer = signatures.answer(outputs)
        logits = outputs["digit_logits"]
        requests = {
            "serving_default": ({"images": images}, answer),
            "serving_bytes": ({"image_bytes": files}, answer),
            "encode": ({"images": images}, {"digit_logits": logits}),
            "decode": ({"digit_logits": logits}, {"sum": outputs["sum"]}),
        }
        if set(loaded.signatures) != set(requests):
            raise RuntimeError(
                f"Expected the signatures {sorted(requests)}. "
                f"Received: {sorted(loaded.signatures)}"
            )
        for name, (request, expected) in requests.items():
            received = loaded.signatures[name](**request)
            _compare(f"{name}, batch of {batch_size}", expected, received)


def verify_reader(sum_model: keras.Model, reader: Reader) -> None:
    """Compares what a file answers with the model.

    Raises:
        RuntimeError: if an answer differs by more than `TOLERANCE`.
    """
    for batch_size in VERIFIED_BATCH_SIZES:
        images = _fixed_images(batch_size)
        expected = signatures.answer(sum_model(images, training=False))
        received = reader(images.numpy())
        _compare(f"batch of {batch_size}", expected, received)


def _fixed_images(batch_size: int) -> tf.Tensor:
    """Bright bars and speckles on black, uint8, the same at each export."""
    rng = np.random.default_rng(batch_size)
    images = rng.integers(0, 256, (batch_size, *config.IMAGE_SHAPE), np.uint8)
    return tf.constant(np.where(images % 4 == 0, images, 0))


def _compare(what: str, expected: dict, received: dict) -> None:
    if set(received) != set(expected):
        raise RuntimeError(
            f"{what}: expected the outputs {sorted(expected)}. "
            f"Received: {sorted(received)}"
        )
    for key, value in expected.items():
        value, answer = np.asarray(value), np.asarray(received[key])
        if value.shape != answer.shape or value.dtype != answer.dtype:
            raise RuntimeError(
                f"{what}: expected `{key}` {value.dtype}{value.shape}. "
                f"Received: {answer.dtype}{answer.shape}"
            )
        difference = np.max(np.abs(answer.astype(float) - value))
        if not difference <= TOLERANCE:  # Not-a-number must not pass.
            raise RuntimeError(
                f"{what}: `{key}` differs from the model's by more than "
                f"{TOLERANCE}. Received: {difference}"
            )
