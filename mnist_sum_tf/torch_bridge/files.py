"""The original's checkpoint files. PyTorch is needed here, and only here."""

import io
import os
import pathlib

import numpy as np

from mnist_sum_tf.atomic_files import write_atomically
from mnist_sum_tf.runtimes.packages import import_package
from mnist_sum_tf.user_errors import UserError, kind_and_line, one_line


def read_state_dict(path) -> dict[str, np.ndarray]:
    """Reads a checkpoint's tensors without running any code in the file.

    Args:
        path: a dictionary with `model_state_dict`, or a bare state dict.

    Returns:
        Name -> array, float32.

    Raises:
        UserError: if PyTorch is missing or the file is no such checkpoint.
    """
    torch = import_package("torch", extra="torch")
    if not os.path.isfile(path):
        raise UserError(f"--torch_checkpoint must be a file. Received: {str(path)!r}")
    try:
        # Safe: anything but tensors and plain containers is refused.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises errors of many types
        raise UserError(
            f"{path} must be a PyTorch checkpoint of tensors and plain values. "
            f"Received: {kind_and_line(error)}"
        ) from error
    state = content
    if isinstance(content, dict):
        state = content.get("model_state_dict", content)
    if not isinstance(state, dict):
        raise UserError(
            f"{path} must hold a state dict. Received: {type(state).__name__}"
        )
    return {key: _to_array(torch, path, key, state[key]) for key in state}


def write_checkpoint(
    path,
    state: dict[str, np.ndarray],
    stage: str,
    learning_rate: float,
    loss: float = float("nan"),
) -> None:
    """Writes what the original would resume from, as a whole or not at all.

    Args:
        path: a file that does not exist yet.
        state: name -> array.
        stage: a decoder is a bare state dict; an encoder and a sum model are
            dictionaries of `epoch` (0), `model_state_dict`,
            `optimizer_state_dict` (a fresh Adam's) and `loss`.
        learning_rate: Adam's.
        loss: the last one known.

    Raises:
        UserError: if PyTorch is missing, or the file exists or cannot be
            written.
    """
    torch = import_package("torch", extra="torch")
    path = pathlib.Path(path)
    if os.path.exists(path):
        raise UserError(
            "--torch_checkpoint must not exist yet; nothing is overwritten. "
            f"Received: {str(path)!r}"
        )
    tensors = {key: torch.from_numpy(array) for key, array in state.items()}
    content = tensors
    if stage != "decoder":
        content = _with_fresh_adam(torch, tensors, learning_rate) | {"loss": loss}
    written = io.BytesIO()
    torch.save(content, written)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, written.getvalue())
    except OSError as error:
        raise UserError(
            "--torch_checkpoint must be a file that can be written. "
            f"Received: {str(path)!r}: {kind_and_line(error)}"
        ) from error


def _with_fresh_adam(torch, tensors: dict, learning_rate: float) -> dict:
    weights = [torch.nn.Parameter(tensor) for tensor in tensors.values()]
    optimizer = torch.optim.Adam(weights, lr=learning_rate)
    return {
        "epoch": 0,
        "model_state_dict": tensors,
        "optimizer_state_dict": optimizer.state_dict(),
    }


def _to_array(torch, path, key, value) -> np.ndarray:
    name = one_line(str(key))
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        kind = getattr(value, "dtype", type(value).__name__)
        raise UserError(f"{path}: {name} must be a tensor of floats. Received: {kind}")
    try:
        array = value.detach().to_dense().to(torch.float32).numpy()
    except (TypeError, RuntimeError) as error:  # nested, or without numbers
        raise UserError(
            f"{path}: {name} must be a tensor of floats. "
            f"Received: {kind_and_line(error)}"
        ) from error
    if not np.isfinite(array).all():
        raise UserError(f"{path}: {name} must be finite. Received: infinities or NaN")
    return array
