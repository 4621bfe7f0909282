r"""Exports a trained model: a SavedModel with four signatures, or one file.

Its probabilities are calibrated first: a temperature, the same for all digits, is
found and stored in the model. It is found on the validation images of --workdir; of
--model, which has none, on composites of MNIST's validation digits in all layouts.

Examples:
    python scripts/export_model.py --workdir=/tmp/mnist_sum \
        --export_dir=exported_models/mine
    python scripts/export_model.py --model=exported_models/mnist_sum \
        --export_dir=exported_models/calibrated --keep_versions=1
    python scripts/export_model.py --model=exported_models/mnist_sum \
        --format=litert --quantization=int8 --export_dir=exported_models/fast
"""

import cli
from absl import flags

from mnist_sum_tf.user_errors import UserError

_WORKDIR = flags.DEFINE_string("workdir", None, "The experiment to export.")
_MODEL = flags.DEFINE_string(
    "model",
    None,
    "Instead, an exported model (or a folder of versions) "
    "to calibrate anew and export again.",
)
_EXPORT_DIR = flags.DEFINE_string(
    "export_dir",
    None,
    "Folder in which to write the model's next version, or the file.",
    required=True,
)
_CALIBRATE = flags.DEFINE_bool(
    "calibrate",
    True,
    "Whether to calibrate, on the images named above; else "
    "probabilities stay as they are.",
)
_KEEP_VERSIONS = flags.DEFINE_integer(
    "keep_versions", None, "Number of newest versions to keep; by default all."
)
_FORMAT = flags.DEFINE_string(
    "format",
    "saved_model",
    "saved_model, onnx (model.onnx, for ONNX Runtime) or litert (model.tflite).",
)
_QUANTIZATION = flags.DEFINE_string(
    "quantization",
    None,
    "int8: LiteRT with int8 weights, a quarter the size, and "
    "the fastest of all (model_int8.tflite).",
)
_BLEND_WITH = flags.DEFINE_string(
    "blend_with",
    None,
    "The exported model, or encoder.npz, that training went on "
    "from (--initial_model); the encoder's weights are blended with those.",
)
_BLEND_SHARE = flags.DEFINE_float(
    "blend_share",
    0.75,
    "The new encoder's share when blending, 0 to 1.",
    lower_bound=0.0,
    upper_bound=1.0,
)


def main(argv):
    del argv
    if _BLEND_SHARE.present and not _BLEND_WITH.value:
        raise UserError(
            "--blend_share requires --blend_with. Received: "
            f"--blend_share={_BLEND_SHARE.value} alone"
        )
    from mnist_sum_tf.serving.release import ExportConfig, release

    settings = ExportConfig(
        export_dir=_EXPORT_DIR.value,
        workdir=_WORKDIR.value,
        model_path=_MODEL.value,
        calibrates=_CALIBRATE.value,
        keep_versions=_KEEP_VERSIONS.value,
        file_format=_FORMAT.value,
        quantization=_QUANTIZATION.value,
        blend_with=_BLEND_WITH.value,
        blend_share=_BLEND_SHARE.value,
    )
    print(release(settings))


if __name__ == "__main__":
    cli.run(main)
