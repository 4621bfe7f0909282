"""Checks that an export answers as the model it was written from."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.runtimes.loading import Reader
from mnist_sum_tf.serving import signatures

VERIFIED_BATCH_SIZES = (1, 2, 33)
TOLERANCE = 1e-4


def verify_saved_model(sum_model: keras.Model, path: str) -> None:
    """Loads a SavedModel and compares each signature with the model.

    Raises:
        RuntimeError: if an answer differs by more than `TOLERANCE`.
    """
    loaded = tf.saved_model.load(path)  # Its signatures hold it only weakly.
    verify_signatures(sum_model, loaded.signatures)


def verify_signatures(sum_model: keras.Model, loaded: Mapping) -> None:
    """Compares each signature of a loaded SavedModel with the model.

    Args:
        sum_model: see `build_sum_model`.
        loaded: its signatures by name; the caller keeps the SavedModel, which they
            hold only weakly.

    Raises:
        RuntimeError: if an answer differs by more than `TOLERANCE`.
    """
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
        if set(loaded) != set(requests):
            raise RuntimeError(
                f"Expected the signatures {sorted(requests)}. "
                f"Received: {sorted(loaded)}"
            )
        for name, (request, expected) in requests.items():
            received = loaded[name](**request)
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
    """Validation digits, four side by side, uint8 `[n, 40, 168, 1]`, always the same."""
    digits = load_digits(split="validation").images[: config.NUM_DIGITS * batch_size]
    cells = np.zeros(
        (batch_size, config.NUM_DIGITS, config.IMAGE_HEIGHT, config.CELL_WIDTH),
        np.uint8,
    )
    # In the middle of 40 rows and 42 columns.
    cells[:, :, 6:34, 7:35] = digits.reshape(batch_size, config.NUM_DIGITS, 28, 28)
    rows = cells.transpose(0, 2, 1, 3)
    return tf.constant(rows.reshape(batch_size, *config.IMAGE_SHAPE))


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
