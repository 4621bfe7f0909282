"""The original's state dicts, as NumPy arrays, to and from our models.

    encoder    conv_blocks.{0..4}.{0,2}.{weight,bias}, fc.{1,4}.{weight,bias}
    decoder    fc1, fc22, fc2, fc3 (in this order), each .{weight,bias}
    sum_model  the encoder's under digit_model., the decoder's under sum_model.

PyTorch keeps the kernel of a convolution as [out, in, height, width], that of a
dense layer as [out, in], and flattens maps channels first; here it is [height,
width, in, out], [in, out] and channels last.
"""

import keras
import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.torch_bridge.shapes import (
    AFTER_FLATTEN,
    LAYERS,
    MAP_SIZE,
    PARTS,
    expected_shapes,
    voted_channels,
)
from mnist_sum_tf.user_errors import UserError, one_line


def stage_of(state: dict, name: str) -> str:
    """Finds the stage of a state dict by the names of its tensors.

    Args:
        state: name -> array.
        name: what to call it in errors.

    Raises:
        UserError: if it is of none of the three.
    """
    for stage in ("sum_model", "encoder", "decoder"):
        first_words = {
            prefix + next(iter(LAYERS[part])).split(".")[0]
            for part, prefix in PARTS[stage].items()
        }
        if any(str(key).startswith(tuple(first_words)) for key in state):
            return stage
    raise UserError(
        f"{name} must hold conv_blocks... (an encoder), fc1... (a decoder) or "
        "digit_model... and sum_model... (both). "
        f"Received: {_listed(list(state)[:3]) or 'nothing'}"
    )


def initial_state(
    stage: str, channels: tuple[int, ...] | None, seed: int
) -> dict[str, np.ndarray]:
    """Random weights and biases, by PyTorch's default initialisation.

    Uniform within 1 / sqrt(inputs of a unit), where Keras starts with zero
    biases and kernels by Glorot's or He's rule.
    """
    rng, state, bound = np.random.default_rng(seed), {}, 0.0
    for key, shape in expected_shapes(stage, channels).items():
        if key.endswith(".weight"):  # comes before its bias
            bound = np.prod(shape[1:]) ** -0.5
        state[key] = rng.uniform(-bound, bound, shape).astype(np.float32)
    return state


def check(state: dict, stage: str, name: str) -> tuple[int, ...] | None:
    """Checks that a state dict is whole and of the right shapes.

    Args:
        state: name -> array.
        stage: `"encoder"`, `"decoder"` or `"sum_model"`.
        name: what to call it in errors.

    Returns:
        Channels of each of the encoder's blocks, `None` for a decoder.

    Raises:
        UserError: naming every missing, surplus and misshapen tensor.
    """
    channels = voted_channels(state, stage)
    expected = expected_shapes(stage, channels or config.doubled_channels(1))
    misshapen = [
        f"{key} {list(np.shape(state[key]))} in place of {list(shape)}"
        for key, shape in expected.items()
        if key in state and np.shape(state[key]) != shape
    ]
    problems = {
        "missing": [key for key in expected if key not in state],
        "surplus": [key for key in state if key not in expected],
        "misshapen": misshapen,
    }
    found = [f"{what} {_listed(keys)}" for what, keys in problems.items() if keys]
    if found:
        size = f" of {','.join(map(str, channels))} channels" if channels else ""
        raise UserError(
            f"{name} must hold the tensors of the original's {stage}{size}. "
            f"Received: {'; '.join(found)}"
        )
    return channels


def _listed(keys) -> str:
    return one_line(", ".join(map(str, keys)))


def load_into(model: keras.Model, state: dict) -> None:
    """Sets the weights of an encoder, a decoder or a sum model.

    Args:
        model: its name is the stage.
        state: a whole state dict, see `check`.
    """
    for key, layer in _layers(model):
        kernel = _kernel_from_torch(key, np.asarray(state[f"{key}.weight"]))
        layer.set_weights([kernel, np.asarray(state[f"{key}.bias"])])


def state_dict_of(model: keras.Model) -> dict[str, np.ndarray]:
    """The weights of such a model as the original names and shapes them.

    Returns:
        Name -> float32 array, in the original's order.
    """
    state = {}
    for key, layer in _layers(model):
        kernel, bias = layer.get_weights()
        state[f"{key}.weight"] = _kernel_to_torch(key, kernel)
        state[f"{key}.bias"] = bias
    return state


def _layers(model: keras.Model):
    """Yields (name there without .weight or .bias, layer here)."""
    for part, prefix in PARTS[model.name].items():
        owner = model if model.name == part else model.get_layer(part)
        for key, layer in LAYERS[part].items():
            yield prefix + key, owner.get_layer(layer)


def _kernel_from_torch(key: str, weight: np.ndarray) -> np.ndarray:
    if weight.ndim == 4:
        return weight.transpose(2, 3, 1, 0)
    if key.endswith(AFTER_FLATTEN):
        maps = weight.reshape(len(weight), -1, *MAP_SIZE)
        return maps.transpose(2, 3, 1, 0).reshape(-1, len(weight))
    return weight.T


def _kernel_to_torch(key: str, kernel: np.ndarray) -> np.ndarray:
    if kernel.ndim == 4:
        weight = kernel.transpose(3, 2, 0, 1)
    elif key.endswith(AFTER_FLATTEN):
        maps = kernel.reshape(*MAP_SIZE, -1, kernel.shape[-1])
        weight = maps.transpose(3, 2, 0, 1).reshape(kernel.shape[-1], -1)
    else:
        weight = kernel.T
    return np.ascontiguousarray(weight)
