"""The four signatures of the exported model, as functions of tensors."""

import keras
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data.pictures import canvas_from_bytes
from mnist_sum_tf.models.encoder import LOGITS_SHAPE

# Pictures decoded at a time: bounds a request's memory at little cost in speed.
PARALLEL_PICTURES = 2
# Examples in one request: more would take gigabytes at once.
MAX_EXAMPLES = 1024


def write_saved_model(sum_model: keras.Model, path: str) -> None:
    """Writes a SavedModel with the four signatures."""
    encoder = sum_model.get_layer("encoder")
    decoder = sum_model.get_layer("decoder")

    def serving_default(images):
        return answer(sum_model(_checked(images, "images", config.IMAGE_SHAPE)))

    def serving_bytes(image_bytes):
        image_bytes = _checked(image_bytes, "image_bytes", ())
        return answer(sum_model(canvases_from_bytes(image_bytes)))

    def encode(images):
        images = _checked(images, "images", config.IMAGE_SHAPE)
        return {"digit_logits": encoder(images)}

    def decode(digit_logits):
        logits = _checked(digit_logits, "digit_logits", LOGITS_SHAPE)
        return {"sum": decoder(logits)}

    images = tf.TensorSpec([None, *config.IMAGE_SHAPE], tf.uint8, "images")
    image_bytes = tf.TensorSpec([None], tf.string, "image_bytes")
    logits = tf.TensorSpec([None, *LOGITS_SHAPE], tf.float32, "digit_logits")
    archive = keras.export.ExportArchive()
    # Not tracked as a whole: Keras would write all variables a second time.
    archive.add_endpoint("serving_default", serving_default, [images])
    archive.add_endpoint("serving_bytes", serving_bytes, [image_bytes])
    archive.add_endpoint("encode", encode, [images])
    archive.add_endpoint("decode", decode, [logits])
    archive.write_out(path, verbose=False)


def _checked(batch, name: str, shape) -> tf.Tensor:
    """Asserts that a batch is not empty, not huge and of the right shape.

    A server checks none of it: an empty batch would fail deep in a kernel, and
    a wider image could flow on as two.
    """
    batch = tf.ensure_shape(batch, [None, *shape])
    num_examples = tf.shape(batch)[0]
    is_one_to_many = tf.debugging.Assert(
        (num_examples > 0) & (num_examples <= MAX_EXAMPLES),
        [
            f"Expected 1 to {MAX_EXAMPLES} examples in `{name}`. Received shape:",
            tf.shape(batch),
        ],
    )
    with tf.control_dependencies([is_one_to_many]):
        return tf.identity(batch)


def canvases_from_bytes(image_bytes) -> tf.Tensor:
    """Image files, string `[n]`, as canvases, uint8 `[n, 40, 168, 1]`."""
    return tf.map_fn(
        canvas_from_bytes,
        image_bytes,
        fn_output_signature=tf.TensorSpec(config.IMAGE_SHAPE, tf.uint8),
        parallel_iterations=PARALLEL_PICTURES,
    )


def answer(outputs: dict) -> dict:
    """What the serving signatures return, of what the model computes."""
    digit_probabilities = outputs["digit_probabilities"]
    sum_probabilities = outputs["sum_probabilities"]
    # keras.ops.argmax would export to operations that ONNX lacks.
    return {
        "digits": tf.argmax(digit_probabilities, -1, tf.int32),
        "digit_probabilities": digit_probabilities,
        "sum": outputs["sum"],
        "sum_probabilities": sum_probabilities,
        "most_likely_sum": tf.argmax(sum_probabilities, -1, tf.int32),
    }
