"""From a trained model to its next exported version, calibrated."""

from mnist_sum_tf import calibration, config
from mnist_sum_tf.serving.export import export_model
from mnist_sum_tf.serving.exported import load_exported_model
from mnist_sum_tf.training.trained_models import load_sum_model


def release(
    export_dir,
    workdir=None,
    model_path=None,
    calibrates: bool = True,
    keep_versions: int | None = None,
) -> str:
    """Loads a model, calibrates it, says what that changed, and exports it.

    Args:
        export_dir: the folder of versions.
        workdir: a work directory; calibrated on `validation_datasets` of it.
        model_path: an exported model in its place; calibrated on composites of
            the bundled validation digits, in all layouts.
        calibrates: whether to; else the temperature stays as it is, 1 after
            training.
        keep_versions: see `export_model`.

    Returns:
        The path of the new version.

    Raises:
        UserError: if not exactly one model is named, it cannot be loaded, its
            validation images cannot be read, or the folder not be written.
    """
    if (workdir is None) == (model_path is None):
        raise config.UserError(
            "One of --workdir and --model must be given. Received: "
            f"--workdir={workdir}, --model={model_path}"
        )
    if workdir is not None:
        model = load_sum_model(workdir)
    else:
        model = load_exported_model(model_path)
    if calibrates:
        print(calibration.calibrate(model, _held_out(workdir)), flush=True)
    return export_model(model, export_dir, keep_versions)


def _held_out(workdir) -> dict:
    if workdir is None:
        return calibration.composites()
    try:
        return calibration.validation_datasets(workdir)
    except config.UserError as error:
        raise config.UserError(
            "Calibrating needs the validation images of the training, or "
            f"--nocalibrate. {error}"
        ) from error
