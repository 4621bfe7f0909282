"""Initial weights from an exported SavedModel, to continue training.

Or of an `.npz` of plain layers, as `distill_encoder.py` writes it.
"""

import keras
import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import NPZ_READ_ERRORS
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.runtimes.saved_model import (
    IMAGES_SIGNATURE,
    load_saved_model,
    variable_shapes,
)
from mnist_sum_tf.user_errors import UserError, kind_and_line


def set_initial_weights(
    model: keras.Model, saved_model, flag: str = "initial_model"
) -> None:
    """Sets a model's weights to those of the same names in a SavedModel.

    Args:
        model: the encoder or the decoder, of the size that was exported.
        saved_model: a SavedModel, or a folder of versions, of which the newest
            is taken, see `serving.export`; or an `.npz` of arrays by such names.
        flag: the flag that named it, for error messages.

    Raises:
        UserError: if it is not an exported model, has another size, or has weights
            that are no numbers.
    """
    exported = _exported_variables(saved_model, flag)
    for variable in model.weights:
        name = short_name(variable)
        if name not in exported:
            raise UserError(
                f"--{flag} must hold every variable of the {model.name}. "
                f"Received: {saved_model} without {name}"
            )
        _check_fits(exported[name], variable, saved_model, flag)
    for variable in model.weights:
        variable.assign(exported[short_name(variable)])


def _check_fits(found, variable: keras.Variable, saved_model, flag: str) -> None:
    """Raises `UserError` for weights of another size, or that are no numbers."""
    name, shape = short_name(variable), tuple(variable.shape)
    if tuple(found.shape) != shape:
        raise UserError(
            f"--{flag} must have {name} of shape {shape}, for the size that "
            "--base_channels or --block_channels asks for (without them it keeps its "
            f"own). Received: {saved_model} with {tuple(found.shape)}"
        )
    if not np.isfinite(found).all():
        raise UserError(
            f"--{flag} must have only finite weights. "
            f"Received: {saved_model} with NaN or infinity in {name}"
        )


def encoder_of(saved_model, flag: str, dtype="float32") -> keras.Model:
    """A plain encoder with a model's weights, of its size.

    Args:
        saved_model, flag: see `set_initial_weights`.
        dtype: Keras dtype policy.

    Raises:
        UserError: if it is no exported model.
    """
    size = size_of_exported(config.ModelConfig(), saved_model, flag)
    encoder = build_encoder(block_channels=size.channels, dtype=dtype)
    set_initial_weights(encoder, saved_model, flag)
    return encoder


def size_of_exported(
    model: config.ModelConfig, saved_model, flag: str = "initial_model"
) -> config.ModelConfig:
    """The settings of an encoder with as many channels as an exported one has.

    Args:
        model: the other settings.
        saved_model, flag: see `set_initial_weights`.

    Raises:
        UserError: if it is no exported model.
    """
    if is_file_of_arrays(saved_model):
        arrays = _read_arrays(saved_model, flag)
        shapes = {name: array.shape for name, array in arrays.items()}
    else:
        shapes = variable_shapes(saved_model, flag)
    try:
        return model.with_channels(exported_channels(shapes))
    except (IndexError, KeyError) as error:
        raise UserError(
            f"--{flag} must have the layers of an encoder, as export_model.py and "
            f"distill_encoder.py write them. Received: {saved_model}"
        ) from error


def exported_channels(shapes: dict) -> tuple[int, ...]:
    """Channels of each of the five blocks of an exported encoder.

    Args:
        shapes: names of its variables -> their shapes.

    Raises:
        IndexError, KeyError: if it has other layers, or one without a channel.
    """
    channels = tuple(
        shapes[f"block{block + 1}_conv1/kernel"][-1]
        for block in range(config.NUM_BLOCKS)
    )
    if min(channels) < 1:
        raise KeyError(f"{channels} channels")
    return channels


def _exported_variables(path, flag: str) -> dict:
    if is_file_of_arrays(path):
        return _read_arrays(path, flag)
    return variables_by_name(load_saved_model(path, flag))


def is_file_of_arrays(path) -> bool:
    """Whether a path names an `.npz` of layers, by its suffix."""
    return str(path).endswith(".npz")


def _read_arrays(path, flag: str) -> dict[str, np.ndarray]:
    """Names of layers and weights, such as `logits/bias`, -> float32."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: np.float32(archive[name]) for name in archive.files}
    except NPZ_READ_ERRORS as error:
        raise UserError(
            f"--{flag} must be an .npz of distill_encoder.py that can be read. "
            f"Received: {path} ({kind_and_line(error)})"
        ) from error


def variables_by_name(exported) -> dict:
    """The variables of what `load_saved_model` returned, by their layers' names.

    Its files merely number them.
    """
    variables = exported.signatures[IMAGES_SIGNATURE].variables
    return {variable.name.split(":")[0]: variable for variable in variables}


def short_name(variable: keras.Variable) -> str:
    """`encoder/block1_conv1/kernel` -> `block1_conv1/kernel`."""
    return "/".join(variable.path.split("/")[-2:])
