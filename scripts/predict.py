"""Reads the sum of four handwritten digits from image files.

PNG, JPEG, GIF or BMP of any size, dark on light or light on dark; a folder
stands for the images in it. One that cannot be read is named, the others are read.

Examples:
    python scripts/predict.py exported_models/samples
    python scripts/predict.py photo.jpg drawing.png --json
    python scripts/predict.py exported_models/samples --picture=read.png
    python scripts/predict.py my_photographs --output_dir=my_pngs
"""

import json
import sys

import cli
from absl import flags

_MODEL = flags.DEFINE_string(
    "model", None, "A SavedModel or a folder of its versions, of which the "
    "newest is taken, an .onnx or a .tflite file; by default the SavedModel that "
    "ships.",
)  # fmt: skip
_JSON = flags.DEFINE_bool(
    "json", False, "Print a list of {path, digits, sum, probability} instead."
)
_PICTURE = flags.DEFINE_string(
    "picture", None, "A PNG to write: each image with what was read under it."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "A new folder for the images as the model saw them, 168x40 "
    "PNGs named by the digits read: correct the names, and train on them "
    "(--images).",
)  # fmt: skip


def main(argv):
    from mnist_sum_tf import config, prediction, prediction_results
    from mnist_sum_tf.data.new_folders import check_empty

    paths = argv[1:]
    if not paths:
        raise config.UserError(
            "predict.py needs image files: predict.py IMAGE... Received: none"
        )
    picture = _PICTURE.value
    if picture:
        prediction_results.check_picture(picture, paths)
    if _OUTPUT_DIR.value:
        check_empty(_OUTPUT_DIR.value)
    model = prediction.load_model(_MODEL.value or cli.SHIPPED_MODEL)
    unreadable, canvases = [], []
    # Not read again: the next time a file may be another, a pipe empty.
    keep = canvases.append if picture or _OUTPUT_DIR.value else None
    readings = prediction.read_sums(paths, model, unreadable.append, keep)
    if _JSON.value:
        print(json.dumps([reading._asdict() for reading in readings], indent=2))
    elif readings:
        print(prediction_results.format_readings(readings))
    for error in unreadable:
        print(f"error: {config.one_line(str(error))}", file=sys.stderr)
    if _OUTPUT_DIR.value and readings:
        prediction_results.write_canvases(readings, canvases, _OUTPUT_DIR.value)
    if picture and readings:  # After it: it may lie in that folder.
        prediction_results.draw_readings(readings, canvases, picture)
    return 1 if unreadable else 0


if __name__ == "__main__":
    cli.run(main, takes_files=True)
