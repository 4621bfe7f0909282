"""Renders synthetic photographs of four handwritten digits: pen, pencil, chalk, ...

Example:
    python scripts/make_photographs.py --output_dir=exported_models/photographs
"""

import cli
import given_flags
from absl import flags

_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for the image files.", required=True
)
_SPLIT = flags.DEFINE_enum(
    "split", "test", ["train", "validation", "test"], "Which digits are drawn."
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Seed of digits, places and grain.",
    **given_flags.bounds("seed"),
)


def main(argv):
    del argv
    from mnist_sum_tf.data import digits, photographs

    chosen = digits.load_digits(split=_SPLIT.value)
    paths = photographs.write_photographs(chosen, _SEED.value, _OUTPUT_DIR.value)
    print("\n".join(paths))


if __name__ == "__main__":
    cli.run(main)
