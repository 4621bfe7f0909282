r"""Writes images of four digits: PNGs named by their digits, or .npy arrays.

Examples:
    python scripts/generate_data.py --num_images=1000 --output_dir=data/mixed
    python scripts/generate_data.py --layout=assignment --split=test \
        --num_images=2500 --format=npy --output_dir=data/assignment_test
"""

import cli
import digit_flags
import given_flags
from absl import flags

from mnist_sum_tf import config, config_check

_LAYOUT = flags.DEFINE_string("layout", "mixed", f"One of {', '.join(config.LAYOUTS)}.")
_SPLIT = flags.DEFINE_string(
    "split", "train", "Digits to compose: train, validation or test."
)
_NUM_IMAGES = flags.DEFINE_integer(
    "num_images",
    1000,
    "How many images.",
    lower_bound=1,
    upper_bound=config_check.LARGEST_INTEGER,
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Another seed gives other images.",
    **given_flags.bounds("seed"),
)
_FORMAT = flags.DEFINE_string(
    "format", "png", "png (0428_00017.png) or npy (images, digits, sums)."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Folder to write; it must be empty or not exist yet.",
    required=True,
)
_DIGITS, _TFDS_DATA_DIR = digit_flags.define()
flags.adopt_module_key_flags(digit_flags)


def main(argv):
    del argv
    from mnist_sum_tf.data.digits import load_digits
    from mnist_sum_tf.data.generation import generate

    digit_flags.check_tfds_data_dir(_DIGITS.value)
    generate(
        load_digits(_DIGITS.value, _SPLIT.value, _TFDS_DATA_DIR.value),
        _LAYOUT.value,
        _SEED.value,
        _NUM_IMAGES.value,
        _FORMAT.value,
        _OUTPUT_DIR.value,
    )
    print(f"Wrote {_NUM_IMAGES.value:,} images to {_OUTPUT_DIR.value}")


if __name__ == "__main__":
    cli.run(main)
