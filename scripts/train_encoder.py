"""Trains the encoder: image -> four digits.

Example:
    python scripts/train_encoder.py --workdir=/tmp/mnist_sum
Your own labelled PNGs (0428.png, 0428_00017.png, ...):
    python scripts/train_encoder.py --workdir=/tmp/mine --images=my_pngs
"""

import cli
import training_flags
from absl import flags

training_flags.define_image_flags()
flags.adopt_module_key_flags(training_flags)


def main(argv):
    del argv
    from mnist_sum_tf.training.stages import train_encoder

    train_encoder(training_flags.settings("encoder"), training_flags.workdir())


if __name__ == "__main__":
    cli.run(main)
