"""A model -> a SavedModel with four signatures, as TensorFlow Serving wants it.

export_dir/
  1/  2/  ...   versions; a server that watches the folder takes each new
                one, so it appears there complete and checked
"""

import contextlib
import logging
import os
import pathlib
import shutil
import tempfile

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf.atomic_files import check_writable, cleaned_up_on_signals
from mnist_sum_tf.models.nested_layers import innermost_layers
from mnist_sum_tf.runtimes.saved_model import is_saved_model, version_folders
from mnist_sum_tf.serving.signatures import write_saved_model
from mnist_sum_tf.serving.verification import verify_saved_model
from mnist_sum_tf.serving.warmup import write_warmup_requests
from mnist_sum_tf.user_errors import (
    UserError,
    check_path,
    first_line,
    os_errors_as_user_errors,
)


def export_model(
    sum_model: keras.Model, export_dir, keep_versions: int | None = None
) -> str:
    """Exports a model as the next version.

    It is written to a hidden folder beside `export_dir`, loaded again, compared
    with the model on every signature, given requests to warm a server up, and
    only then moved into `export_dir`: an interrupted export leaves nothing
    there.

    Args:
        sum_model: see `build_sum_model`; computes in float32.
        export_dir: the folder of versions; made if missing.
        keep_versions: number of newest versions to keep; all where `None`.

    Returns:
        The path of the new version, `export_dir/<version>`.

    Raises:
        UserError: if the folder cannot be written, `keep_versions` is below 1, or
            weights are not finite.
        ValueError: if the model does not compute in float32.
        RuntimeError: if the written model does not answer as the model does.
    """
    check_keep_versions(keep_versions)
    check_float32(sum_model)
    check_finite(sum_model)
    export_dir = pathlib.Path(os.path.abspath(export_dir))
    with (
        os_errors_as_user_errors(export_dir, "--export_dir"),
        _folder_beside(export_dir) as beside,
    ):
        draft = os.path.join(beside, "draft")
        with _tensorflow_errors_as_os_errors():
            write_saved_model(sum_model, draft)
        verify_saved_model(sum_model, draft)
        with _tensorflow_errors_as_os_errors():
            write_warmup_requests(draft)
        version = _move_to_next_version(draft, export_dir)
    if keep_versions is not None:
        # Other numbered folders may be anybody's.
        versions = list(filter(is_saved_model, version_folders(export_dir)))
        _remove_versions(versions[:-keep_versions], export_dir)
    return version


@contextlib.contextmanager
def _tensorflow_errors_as_os_errors():
    """Turns TensorFlow's file errors into `OSError`."""
    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(first_line(error)) from error


def check_keep_versions(keep_versions: int | None) -> None:
    """Raises `UserError` if less than one version would be kept."""
    if keep_versions is not None and keep_versions < 1:
        raise UserError(
            "--keep_versions must be at least 1: the new version is one of "
            f"them. Received: {keep_versions}"
        )


def check_export_dir(export_dir) -> None:
    """Raises `UserError` for a folder that cannot be written; makes nothing."""
    check_path(export_dir, "export_dir")
    with os_errors_as_user_errors(export_dir, "--export_dir"):
        check_writable(export_dir)


@contextlib.contextmanager
def _folder_beside(export_dir: pathlib.Path):
    """A hidden folder on the same disk, gone afterwards."""
    new = [each for each in (export_dir, *export_dir.parents) if not each.exists()]
    export_dir.mkdir(parents=True, exist_ok=True)
    try:
        with (
            cleaned_up_on_signals(),
            tempfile.TemporaryDirectory(
                prefix=_hidden_prefix(export_dir),
                dir=_folder_for_drafts(export_dir),
                ignore_cleanup_errors=True,
            ) as beside,
        ):
            yield beside
    finally:
        with contextlib.suppress(OSError):  # which holds the new version by now
            for each in new:
                each.rmdir()


def _hidden_prefix(export_dir: pathlib.Path) -> str:
    """Cut, so that what follows still fits into a file's name."""
    return f".{export_dir.name[:50]}-"


def check_float32(model: keras.Model) -> None:
    """Raises `ValueError` unless a model holds and computes float32 alone."""
    dtypes = {
        variable.path: variable.dtype
        for variable in model.variables
        if "float" in variable.dtype
    }
    # Under mixed_bfloat16 variables are float32, but layers compute in bfloat16.
    for layer in innermost_layers(model):
        dtypes[layer.name] = layer.compute_dtype
    other = [f"{name}: {dtype}" for name, dtype in dtypes.items() if dtype != "float32"]
    if other:
        raise ValueError(
            "An exported model must compute in float32: rebuild it so, then "
            f"load its weights. Received: {', '.join(other[:3])}"
        )


def check_finite(model: keras.Model) -> None:
    """Raises `UserError` for weights that are no numbers, as of a failed training."""
    for weight in model.weights:
        if not np.isfinite(weight.numpy()).all():
            raise UserError(
                "An exported model must have finite weights; train it anew with a lower "
                f"--learning_rate. Received: NaN or infinity in {weight.path}"
            )


def _folder_for_drafts(export_dir: pathlib.Path) -> pathlib.Path:
    """The parent folder, unless moving from there would mean copying."""
    above = export_dir.parent
    is_same_disk = above.stat().st_dev == export_dir.stat().st_dev
    if is_same_disk and os.access(above, os.W_OK):
        return above
    # A mounted volume. Servers ignore folders whose names are no numbers.
    return export_dir


def _move_to_next_version(draft: str, export_dir: pathlib.Path) -> str:
    while True:
        # Another export, which failed, may have taken the new folder away.
        export_dir.mkdir(parents=True, exist_ok=True)
        found = version_folders(export_dir)
        number = int(found[-1].name) + 1 if found else 1
        target = export_dir / str(number)
        try:
            os.rename(draft, target)
        except OSError:
            if not target.is_dir():
                raise
            continue  # Another export took this number meanwhile.
        return str(target)


def _remove_versions(versions: list[pathlib.Path], export_dir: pathlib.Path) -> None:
    """Removes versions at once: a server never finds half of one."""
    folder = _folder_for_drafts(export_dir)
    try:
        for version in versions:
            removed = tempfile.mkdtemp(prefix=_hidden_prefix(export_dir), dir=folder)
            try:
                os.rename(version, os.path.join(removed, version.name))
                logging.info("removed %s", version)
            finally:
                shutil.rmtree(removed)
    except OSError as error:
        raise UserError(
            "The new version is written; older ones must be folders that can be "
            f"removed. Received: {export_dir} ({first_line(error)})"
        ) from error
