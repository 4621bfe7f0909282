"""Trains image -> sum, from the sums alone.

Starts from the encoder and the decoder in the work directory where they exist,
else from --initial_model where one is named, else from scratch. The decoder learns
here with --objective=regression alone: train it first. Examples:
    python scripts/train_decoder.py --workdir=/tmp/mnist_sum
    python scripts/train_end_to_end.py --workdir=/tmp/mnist_sum
    python scripts/train_end_to_end.py --workdir=/tmp/sums \\
        --images=data0.npy --sums=lab0.npy
"""

import cli
import given_flags
import training_flags
from absl import flags
from preset_defaults import in_presets

from mnist_sum_tf import config

training_flags.define_image_flags()
flags.adopt_module_key_flags(training_flags)
_OBJECTIVE = flags.DEFINE_enum(
    "objective",
    None,
    config.OBJECTIVES["sum_model"],
    "Cross-entropy of the exact sum distribution, or squared error through the "
    "decoder as the original did." + in_presets("objective", ("sum_model",)),
)
_DECORRELATION = flags.DEFINE_float(
    "decorrelation",
    None,
    "Weight of the loss's part that keeps the four slots "
    "uncorrelated, so that they read digits where only sums teach."
    + in_presets("decorrelation", ("sum_model",)),
    **given_flags.bounds("decorrelation"),
)
_TRAIN_ENCODER = flags.DEFINE_bool(
    "train_encoder",
    None,
    "Whether the encoder learns too." + in_presets("train_encoder", ("sum_model",)),
)


def main(argv):
    del argv
    from mnist_sum_tf.training.stages import train_end_to_end

    settings = training_flags.settings(
        "sum_model",
        objective=_OBJECTIVE.value,
        decorrelation=_DECORRELATION.value,
        train_encoder=_TRAIN_ENCODER.value,
    )
    train_end_to_end(settings, training_flags.workdir())


if __name__ == "__main__":
    cli.run(main)
