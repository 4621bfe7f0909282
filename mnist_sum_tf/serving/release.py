"""From a trained model to its next exported version, calibrated."""

import dataclasses
import os

import keras

from mnist_sum_tf import calibration
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving.export import (
    check_export_dir,
    check_keep_versions,
    export_model,
)
from mnist_sum_tf.serving.exported import load_exported_model
from mnist_sum_tf.serving.formats.file_export import (
    check_format,
    check_packages,
    export_file,
)
from mnist_sum_tf.training.blending import blend_encoders
from mnist_sum_tf.training.initial_weights import encoder_of, is_file_of_arrays
from mnist_sum_tf.training.trained_models import load_sum_model
from mnist_sum_tf.user_errors import UserError


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """Which model to export, and how.

    Attributes:
        export_dir: the folder of versions, or of files.
        workdir: a work directory; calibrated on `validation_datasets` of it.
        model_path: an exported model in its place; calibrated on composites of
            the bundled validation digits, in all layouts.
        calibrates: whether to; else the temperature stays as it is, 1 after
            training.
        keep_versions: of a SavedModel alone, see `export_model`.
        file_format, quantization: `"saved_model"`, or see `export_file`.
        blend_with: the exported model or `.npz` of layers that training started
            from, to blend the encoder with; see `blend_encoders`.
        blend_share: of the new encoder's weights.
    """

    export_dir: str | os.PathLike
    workdir: str | os.PathLike | None = None
    model_path: str | os.PathLike | None = None
    calibrates: bool = True
    keep_versions: int | None = None
    file_format: str = "saved_model"
    quantization: str | None = None
    blend_with: str | os.PathLike | None = None
    blend_share: float = 0.75


def release(settings: ExportConfig) -> str:
    """Loads a model, calibrates it, prints what that changed, and exports it.

    Args:
        settings: see `ExportConfig`.

    Returns:
        The path of the new version, or of the file.

    Raises:
        UserError: if not exactly one model is named, it cannot be loaded, its
            validation images cannot be read, or the folder not be written; if
            there is no such format, or what it needs is not installed.
    """
    _check(settings)
    model = _loaded(settings)
    quantization = settings.quantization
    needs_images = settings.calibrates or quantization
    held_out = _held_out(settings.workdir) if needs_images else None
    if settings.calibrates:
        print(calibration.calibrate(model, held_out), flush=True)
    if settings.file_format == "saved_model":
        return export_model(model, settings.export_dir, settings.keep_versions)
    return export_file(
        model, settings.export_dir, settings.file_format, quantization, held_out
    )


def _check(settings: ExportConfig) -> None:
    """Checks early what would otherwise fail after a minute of work."""
    check_format(settings.file_format, settings.quantization)
    if (settings.workdir is None) == (settings.model_path is None):
        raise UserError(
            "Exactly one of --workdir and --model must be given. Received: "
            + ("both" if settings.workdir is not None else "neither")
        )
    if settings.keep_versions is not None and settings.file_format != "saved_model":
        raise UserError(
            "--keep_versions is for --format=saved_model: a file takes the "
            f"place of the one before. Received: --format={settings.file_format}"
        )
    check_keep_versions(settings.keep_versions)
    check_export_dir(settings.export_dir)
    check_packages(settings.file_format)


def _loaded(settings: ExportConfig) -> keras.Model:
    """The model to export, blended where asked for."""
    if settings.workdir is not None:
        model = load_sum_model(settings.workdir)
    else:
        model = load_exported_model(settings.model_path)
    if settings.blend_with is not None:
        blend_encoders(model, _blended(settings.blend_with), settings.blend_share)
    return model


def _blended(path):
    """The model to blend with; from an `.npz`, only its encoder is meaningful."""
    if is_file_of_arrays(path):
        return build_sum_model(encoder_of(path, "blend_with"), build_decoder())
    return load_exported_model(path, "blend_with")


def _held_out(workdir) -> dict:
    if workdir is None:
        return calibration.composites()
    try:
        return calibration.validation_datasets(workdir)
    except UserError as error:
        raise UserError(
            "Calibrating needs the validation images of the training, or "
            f"--nocalibrate; so does quantizing. {error}"
        ) from error
