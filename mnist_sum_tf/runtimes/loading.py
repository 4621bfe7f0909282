"""Exported files, whatever their format, as functions of images."""

import os
import pathlib
from collections.abc import Callable

import numpy as np

from mnist_sum_tf import config, quiet
from mnist_sum_tf.runtimes import litert_file, onnx_file
from mnist_sum_tf.runtimes.outputs import OUTPUTS
from mnist_sum_tf.user_errors import UserError, first_line

# The rows of these sum to 1; with int8 weights they are off by up to 0.3 %.
DISTRIBUTIONS = ("digit_probabilities", "sum_probabilities")
LARGEST_MISSING = 0.05
# Images, uint8 [n, 40, 168, 1] -> output's name -> array [n, ...].
Reader = Callable[[np.ndarray], dict[str, np.ndarray]]

_LOADERS = {".onnx": onnx_file.load, ".tflite": litert_file.load}
SUFFIXES = tuple(_LOADERS)


def is_model_file(path) -> bool:
    """Whether a path names a model that is a single file, not a SavedModel."""
    return pathlib.Path(path).suffix in SUFFIXES


def load_file(path) -> Reader:
    """Loads an `.onnx` or a `.tflite` file that `export_model.py` wrote.

    Args:
        path: of the file; its suffix says what it is.

    Returns:
        A function from images, uint8 `[n, 40, 168, 1]`, to the outputs
        `OUTPUTS`. It is for one thread at a time.

    Raises:
        UserError: if there is no such file, it is another model's or so damaged that
            it does not run or its answers are no probabilities, or the package
            that runs it is not installed.
    """
    path = pathlib.Path(path)
    if not os.path.isfile(path):
        raise UserError(
            f"--model must be a SavedModel, or a file that ends in "
            f"{' or '.join(SUFFIXES)}. Received: {path}, which is no file"
        )
    try:
        return load_working(path)
    except RuntimeError as error:
        raise UserError(
            "--model must be a file that export_model.py wrote. Received: "
            f"{path} ({error})"
        ) from error


def load_working(path: pathlib.Path) -> Reader:
    """Loads a file and lets it answer once.

    Args, Returns: as `load_file`.

    Raises:
        RuntimeError: if it does not run, or answers wrongly: in what way.
        UserError: if the package that runs it is not installed.
    """
    try:
        with quiet.silent_stderr():  # LiteRT says what it computes with
            reader = _LOADERS[path.suffix](path)
            answer = reader(np.zeros((1, *config.IMAGE_SHAPE), np.uint8))
    except UserError:
        raise
    except Exception as error:  # Broken files fail in many ways.
        raise RuntimeError(first_line(error)) from error
    fault = _wrong_outputs(answer) or _wrong_numbers(answer)
    if fault:
        raise RuntimeError(fault)
    return reader


def _wrong_outputs(answer: dict[str, np.ndarray]) -> str | None:
    found = {name: (a.dtype, a.shape) for name, a in answer.items()}
    expected = {
        name: (np.dtype(output.dtype), (1, *output.shape))
        for name, output in OUTPUTS.items()
    }
    if found == expected:
        return None
    described = ", ".join(f"{n} {d}{list(s)}" for n, (d, s) in found.items())
    return f"it answers not with {', '.join(OUTPUTS)} but with {described}"


def _wrong_numbers(answer: dict[str, np.ndarray]) -> str | None:
    """What only damaged weights give."""
    is_finite = all(np.isfinite(each).all() for each in answer.values())
    totals = [answer[name].sum(-1) for name in DISTRIBUTIONS]
    if is_finite and all(abs(t - 1).max() <= LARGEST_MISSING for t in totals):
        return None
    return "its probabilities are invalid"
