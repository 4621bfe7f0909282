"""Trains the decoder: four digits' logits -> their sum.

Example, a few minutes at most:
    python scripts/train_decoder.py --workdir=/tmp/mnist_sum
"""

import cli
import training_flags
from absl import flags

training_flags.define_layout_flag()
flags.adopt_module_key_flags(training_flags)


def main(argv):
    del argv
    from mnist_sum_tf.training.stages import train_decoder

    train_decoder(training_flags.settings("decoder"), training_flags.workdir())


if __name__ == "__main__":
    cli.run(main)
