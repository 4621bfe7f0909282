"""Trains a reader of images whose digits stand apart, from their sums alone.

Images with blank columns between their four digits are cut there. The readings
and the sums then label the digits: see label_digits.py. Example:
    python scripts/train_cell_reader.py --workdir=/tmp/few \\
        --images=data0.npy --sums=lab0.npy
"""

import cli
import training_flags
from absl import flags

training_flags.define_own_image_flags()
flags.adopt_module_key_flags(training_flags)
flags.mark_flag_as_required("images")


def main(argv):
    del argv
    from mnist_sum_tf.training.stages import train_cell_reader

    settings = training_flags.settings("cell_reader")
    train_cell_reader(settings, training_flags.workdir())


if __name__ == "__main__":
    cli.run(main)
