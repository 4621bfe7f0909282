"""Warm-up requests that a server replays before a new version takes over.

TensorFlow Serving looks for them in the SavedModel's folder; without them the
first person to ask would wait while kernels are chosen and memory is reserved.
"""

import os
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.models.encoder import LOGITS_SHAPE
from mnist_sum_tf.serving.addresses import MODEL_NAME
from mnist_sum_tf.serving.image_bytes import as_image_bytes

FOLDER, FILE = "assets.extra", "tf_serving_warmup_requests"
# A single request and one as large as the client's.
BATCH_SIZES = (1, 32)
PHOTOGRAPH_SIZE = (480, 640)
# Fields of TensorFlow Serving's messages.
PREDICT_LOG, PREDICT_REQUEST = 6, 1
MODEL_SPEC, INPUTS, NAME, SIGNATURE_NAME = 1, 2, 1, 3
MAP_KEY, MAP_VALUE = 1, 2


def write_warmup_requests(path) -> None:
    """Adds the requests to the SavedModel at a path."""
    folder = os.path.join(path, FOLDER)
    os.makedirs(folder, exist_ok=True)
    with tf.io.TFRecordWriter(os.path.join(folder, FILE)) as writer:
        for signature, inputs in warmup_requests():
            writer.write(_prediction_log(signature, inputs))


def warmup_requests() -> Iterator[tuple[str, dict]]:
    """Yields a signature's name and its inputs, several of each signature."""
    canvas = np.zeros(config.IMAGE_SHAPE, np.uint8)
    canvas[10:30, ::20] = 255
    png = tf.io.encode_png(canvas).numpy()
    yield "serving_bytes", {"image_bytes": as_image_bytes([png, _photograph()])}
    for batch_size in BATCH_SIZES:
        images = np.repeat(canvas[np.newaxis], batch_size, axis=0)
        logits = np.zeros((batch_size, *LOGITS_SHAPE), np.float32)
        yield "serving_default", {"images": images}
        yield "serving_bytes", {"image_bytes": as_image_bytes([png] * batch_size)}
        yield "encode", {"images": images}
        yield "decode", {"digit_logits": logits}


def _photograph() -> bytes:
    """A JPEG of strokes on paper: the slowest path through the preprocessing."""
    pixels = np.full((*PHOTOGRAPH_SIZE, 3), 220, np.uint8)
    pixels[200:280, 100:540:110] = 40
    return tf.io.encode_jpeg(pixels).numpy()


def _prediction_log(signature: str, inputs: dict) -> bytes:
    """A serialized `PredictionLog`.

    The few messages around the tensors are put together by hand: the package
    that has them, tensorflow-serving-api, is needed for nothing else here.
    """
    request = _field(
        MODEL_SPEC,
        _field(NAME, MODEL_NAME.encode()) + _field(SIGNATURE_NAME, signature.encode()),
    )
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(
            INPUTS, _field(MAP_KEY, name.encode()) + _field(MAP_VALUE, tensor)
        )
    return _field(PREDICT_LOG, _field(PREDICT_REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer."""
    length, remaining = bytearray(), len(content)
    while remaining > 127:
        length.append(remaining & 127 | 128)
        remaining >>= 7
    length.append(remaining)
    return bytes([number << 3 | 2]) + bytes(length) + content
