"""A model -> one file, checked before it appears in its place."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

import keras

from mnist_sum_tf.atomic_files import cleaned_up_on_signals, place_of_file
from mnist_sum_tf.runtimes.loading import Reader, load_working
from mnist_sum_tf.runtimes.packages import import_package
from mnist_sum_tf.serving.export import check_finite, check_float32
from mnist_sum_tf.serving.formats import litert_file, onnx_file
from mnist_sum_tf.serving.formats.quantization_loss import measure_loss
from mnist_sum_tf.serving.verification import verify_reader
from mnist_sum_tf.user_errors import UserError, os_errors_as_user_errors

# (format, quantization) -> file name, and what writes it.
FILES = {
    ("onnx", None): ("model.onnx", onnx_file.write),
    ("litert", None): ("model.tflite", litert_file.write),
    ("litert", "int8"): ("model_int8.tflite", litert_file.write_int8),
}
# Packages of the extra of that name.
PACKAGES = {
    "onnx": ("onnx", "tf2onnx", "onnxruntime"),
    "litert": ("ai_edge_litert.interpreter",),
}


def check_format(file_format: str, quantization: str | None) -> None:
    """Raises a `UserError` for an unknown combination of the two."""
    kept = {**FILES, ("saved_model", None): None}
    if (file_format, quantization) not in kept:
        offered = [
            f"--format={name}" + (f" --quantization={how}" if how else "")
            for name, how in kept
        ]
        raise UserError(
            f"These are offered: {', '.join(offered)}. Received: "
            f"--format={file_format}, --quantization={quantization}"
        )


def check_packages(file_format: str) -> None:
    """Raises a `UserError` unless what writes and runs a format is installed."""
    for package in PACKAGES.get(file_format, ()):
        import_package(package, extra=file_format)


def export_file(
    sum_model: keras.Model,
    export_dir,
    file_format: str,
    quantization: str | None = None,
    named_datasets: dict | None = None,
) -> str:
    """Exports a model as a file, in place of an earlier one if there is one.

    It is written to a hidden folder beside, loaded again and run: in float32 it
    must answer as the model does; quantized, it must read validation images
    as well. Only then it is moved into place.

    Args:
        sum_model: see `build_sum_model`; computes in float32.
        export_dir: the file's folder; made if missing. A folder of a
            SavedModel's versions will do: servers look at numbered folders
            alone.
        file_format: `"onnx"` or `"litert"`.
        quantization: `None` or, of `"litert"`, `"int8"`.
        named_datasets: name -> validation images and labels, which a quantized
            model is evaluated on.

    Returns:
        The path of the file.

    Raises:
        UserError: if there is no such format, a package is missing, the folder
            cannot be written, or a quantized model reads worse.
        ValueError: if the model does not compute in float32, or a quantized one has
            nothing to be evaluated on.
        RuntimeError: if the file does not load, or not answer as the model does.
    """
    check_format(file_format, quantization)
    check_packages(file_format)
    check_float32(sum_model)
    check_finite(sum_model)
    if quantization is not None and not named_datasets:
        raise ValueError(
            "A quantized model needs named_datasets to be evaluated on. "
            f"Received: {named_datasets}"
        )
    name, write = FILES[file_format, quantization]
    path = pathlib.Path(os.path.abspath(export_dir)) / name
    with os_errors_as_user_errors(export_dir, "--export_dir"), _draft(path) as draft:
        write(sum_model, str(draft))
        reader = _loaded(draft)
        if quantization is None:
            verify_reader(sum_model, reader)
        else:
            print(measure_loss(sum_model, reader, named_datasets), flush=True)
    return str(path)


def _loaded(draft: pathlib.Path) -> Reader:
    """Loads the file that was just written.

    Raises:
        RuntimeError: if it does not load; it is no fault of the user's.
    """
    try:
        return load_working(draft)
    except RuntimeError as error:
        raise RuntimeError(
            f"The file that was written must load and answer. Received: {draft.name} "
            f"({error})"
        ) from error


@contextlib.contextmanager
def _draft(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """The path of a file beside another, whose place it takes on success."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target = place_of_file(path)
    with (
        cleaned_up_on_signals(),
        tempfile.TemporaryDirectory(
            prefix=f".{path.name}-", dir=target.parent
        ) as beside,
    ):
        draft = pathlib.Path(beside) / path.name
        yield draft
        os.replace(draft, target)
