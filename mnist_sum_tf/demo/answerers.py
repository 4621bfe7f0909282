"""Who answers the page: a model in this process, or a model server elsewhere.

An answerer is a function `(signature, inputs) -> outputs` of named arrays.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.runtimes.saved_model import load_saved_model
from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.addresses import Server, read_token
from mnist_sum_tf.serving.client import connect
from mnist_sum_tf.serving.image_bytes import as_image_bytes
from mnist_sum_tf.user_errors import UserError, first_line

Answerer = Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]

# What the page asks, and the dtypes it sends; see `serving/signatures.py`.
INPUTS = {
    "serving_default": {"images": np.dtype(np.uint8)},
    "serving_bytes": {"image_bytes": np.dtype(object)},
}
TIMEOUT_SECONDS = 8.0
# The page asks again itself, every second.
MAX_ATTEMPTS = 5


def local_answerer(model_path) -> Answerer:
    """Answers with a SavedModel, loaded here and warm.

    Args:
        model_path: see `find_saved_model`.

    Raises:
        UserError: if there is none.
    """
    model = load_saved_model(model_path)

    def answer(signature, inputs):
        (name,) = INPUTS[signature]
        if name not in inputs:
            raise errors.RequestRefused(f"Expected an input named {name}")
        return _run(model, signature, name, inputs[name])

    _warm_up(answer)
    return answer


def _warm_up(answer: Answerer) -> None:
    """Warms up: the first question takes a second."""
    blank = np.zeros((1, *config.IMAGE_SHAPE), np.uint8)
    answer("serving_default", {"images": blank})
    answer("serving_bytes", {"image_bytes": as_image_bytes([blank_file()])})


def blank_file() -> bytes:
    """A PNG with nothing on it."""
    return tf.io.encode_png(np.zeros((20, 84, 1), np.uint8)).numpy()


def _run(model, signature: str, name: str, value: np.ndarray) -> dict:
    try:
        dtype = tf.string if value.dtype == object else value.dtype
        tensor = tf.constant(value, dtype)
        outputs = model.signatures[signature](**{name: tensor})
    except (tf.errors.OpError, ValueError, TypeError) as error:
        raise errors.RequestRefused(first_line(error)) from error
    return {key: output.numpy() for key, output in outputs.items()}


def remote_answerer(server_url: str, ca_certificates: str | None = None) -> Answerer:
    """Asks a TensorFlow Serving, by REST or gRPC, with the environment's token.

    Args:
        server_url, ca_certificates: see `Server`.

    Raises:
        UserError: if the address or the certificates are invalid, the token would be
            sent unencrypted, or a package is missing.
    """
    server = Server(server_url, ca_certificates=ca_certificates, token=read_token())
    try:
        client = connect(
            server, timeout_seconds=TIMEOUT_SECONDS, max_attempts=MAX_ATTEMPTS
        )
    except UserError as error:
        message = str(error).replace("--server", "--backend", 1)
        raise UserError(message) from None
    return client.predict
