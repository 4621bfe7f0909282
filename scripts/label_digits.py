"""Labels digits of images whose sums are known, by a trained cell reader.

Writes single digits (digits.npz, for --digits=), labelled PNGs (images/, for
--images=), and a picture of some of them (labels.png). Example:
    python scripts/label_digits.py --workdir=/tmp/few --output_dir=labelled \\
        --images=data0.npy --sums=lab0.npy
"""

import cli
import image_flags
from absl import flags

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where train_cell_reader.py trained.", required=True
)
image_flags.define_own_images()
flags.adopt_module_key_flags(image_flags)
flags.mark_flag_as_required("images")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Folder to write; it must be empty or not exist yet.",
    required=True,
)
_MIN_CONFIDENCE = flags.DEFINE_float(
    "min_confidence",
    0.9,
    "Labels less sure than this, given the sum, 0 to 0.999, are "
    "left out, among them those whose sum contradicts the reading.",
)


def main(argv):
    del argv
    from mnist_sum_tf import labelling

    summary = labelling.label_images(
        _WORKDIR.value,
        flags.FLAGS.images,
        flags.FLAGS.sums,
        _OUTPUT_DIR.value,
        _MIN_CONFIDENCE.value,
    )
    print(labelling.format_summary(summary))


if __name__ == "__main__":
    cli.run(main)
