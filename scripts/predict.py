"""Reads the sum of four handwritten digits from image files.

PNG, JPEG, GIF or BMP of any size, dark on light or light on dark; a folder
stands for the images in it, not in the folders within. Unreadable images are reported and skipped.

Examples:
    python scripts/predict.py exported_models/samples
    python scripts/predict.py photo.jpg drawing.png --json
    python scripts/predict.py exported_models/samples --picture=read.png
    python scripts/predict.py my_photographs --output_dir=my_pngs
"""

import cli
from absl import flags

_MODEL = flags.DEFINE_string(
    "model",
    None,
    "A SavedModel or a folder of its versions, of which the "
    "newest is taken, an .onnx or a .tflite file; by default the SavedModel that "
    "ships.",
)
_JSON = flags.DEFINE_bool(
    "json", False, "Print a list of {path, digits, sum, probability} instead."
)
_PICTURE = flags.DEFINE_string(
    "picture", None, "A PNG to write: each image with what was read under it."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "A new folder for the images as the model saw them, 168x40 "
    "PNGs named by the digits read: correct the names, and train on them "
    "(--images).",
)


def main(argv):
    from mnist_sum_tf.prediction_results import PredictionConfig, predict_and_report
    from mnist_sum_tf.user_errors import UserError

    paths = argv[1:]
    if not paths:
        raise UserError(
            "predict.py needs image files: predict.py IMAGE... Received: none"
        )
    settings = PredictionConfig(
        model=_MODEL.value or cli.SHIPPED_MODEL,
        as_json=_JSON.value,
        picture=_PICTURE.value,
        output_dir=_OUTPUT_DIR.value,
    )
    return 0 if predict_and_report(paths, settings) else 1


if __name__ == "__main__":
    cli.run(main, takes_files=True)
