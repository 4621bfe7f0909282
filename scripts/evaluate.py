"""Evaluates a model on composites of unseen test digits, or on your images.

Examples:
    python scripts/evaluate.py --output_dir=/tmp/evaluation
    python scripts/evaluate.py --workdir=/tmp/mnist_sum --layouts=tiled,mixed
    python scripts/evaluate.py --layouts=tiled --corruptions
    python scripts/evaluate.py --images=my_pngs
"""

import cli
import digit_flags
from absl import flags

from mnist_sum_tf import config
from mnist_sum_tf.user_errors import UserError

_MODEL = flags.DEFINE_string(
    "model",
    None,
    "A SavedModel or a folder of its versions, an .onnx or a "
    ".tflite file; by default the SavedModel that ships.",
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "A work directory, in place of --model."
)
_LAYOUTS = flags.DEFINE_list(
    "layouts",
    list(config.LAYOUTS),
    "Layouts to compose test digits in.",
)
_SPLIT = flags.DEFINE_string(
    "split", "test", "Digits to compose: train, validation or test."
)
_DIGITS, _TFDS_DATA_DIR = digit_flags.define()
flags.adopt_module_key_flags(digit_flags)
_IMAGES = flags.DEFINE_string(
    "images",
    None,
    "A folder of labelled PNGs, or an .npy or a folder of any pictures "
    "together with --sums, to evaluate on (all of them) instead of composites.",
)
_SUMS = flags.DEFINE_string(
    "sums",
    None,
    "Sums of --images: an .npy beside an .npy, a .csv of lines such "
    "as photo.jpg,17 beside a folder of pictures.",
)
_CORRUPTIONS = flags.DEFINE_bool(
    "corruptions",
    False,
    "Also evaluate fifteen corruptions (noise, blur, fog, ...), "
    "in the manner of MNIST-C, always of the layout `separate`.",
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Folder for evaluation.json, and for report.html with its pictures; those of an "
    "earlier evaluation there are replaced.",
)


def main(argv):
    del argv
    from mnist_sum_tf.evaluation import EvaluationConfig, load_and_evaluate

    _check_flags()
    load_and_evaluate(
        EvaluationConfig(
            model=_MODEL.value or cli.SHIPPED_MODEL,
            workdir=_WORKDIR.value,
            layouts=tuple(_LAYOUTS.value),
            split=_SPLIT.value,
            data=config.DataConfig(
                digits=_DIGITS.value,
                tfds_data_dir=_TFDS_DATA_DIR.value,
                images=_IMAGES.value,
                sums=_SUMS.value,
            ),
            corruptions=_CORRUPTIONS.value,
            output_dir=_OUTPUT_DIR.value,
        )
    )


def _check_flags() -> None:
    if _MODEL.value and _WORKDIR.value:
        raise UserError(
            "--model cannot be combined with --workdir. Received: "
            f"--model={_MODEL.value} --workdir={_WORKDIR.value}"
        )
    digit_flags.check_tfds_data_dir(_DIGITS.value)
    for flag in (_LAYOUTS, _SPLIT, _CORRUPTIONS, _DIGITS, _TFDS_DATA_DIR):
        if _IMAGES.value and flag.present:
            raise UserError(
                f"--{flag.name} is for composites and cannot be combined with "
                f"--images. Received: {flags.FLAGS[flag.name].serialize()} "
                f"--images={_IMAGES.value}"
            )


if __name__ == "__main__":
    cli.run(main)
