"""An exported model back as the Keras model it was written from."""

import keras

from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.runtimes.saved_model import (
    find_saved_model,
    load_saved_model,
    variable_shapes,
)
from mnist_sum_tf.serving.verification import verify_signatures
from mnist_sum_tf.training.initial_weights import (
    exported_channels,
    short_name,
    variables_by_name,
)
from mnist_sum_tf.user_errors import UserError


def load_exported_model(path, flag: str = "model") -> keras.Model:
    """Rebuilds a sum model from what `export_model` wrote.

    Its size is read from its variables. Dropout, which an exported model does
    without, is the default's.

    Args:
        path: a SavedModel, or a folder of its versions, of which the newest is
            taken.
        flag: the flag that names it, for error messages.

    Returns:
        See `build_sum_model`; it answers as the exported one does.

    Raises:
        UserError: if there is no such model.
    """
    found = find_saved_model(path, flag)
    loaded = load_saved_model(found, flag)
    try:
        exported = variables_by_name(loaded)
        channels = exported_channels(variable_shapes(found, flag))
        encoder = build_encoder(block_channels=channels)
        model = build_sum_model(encoder, build_decoder())
        for weight in model.weights:
            weight.assign(exported[short_name(weight)])
        verify_signatures(model, loaded.signatures)
    except (IndexError, KeyError, ValueError, RuntimeError) as error:
        raise UserError(
            f"--{flag} must be of this project's layers and signatures. Received: "
            f"{found} ({error})"
        ) from error
    return model
