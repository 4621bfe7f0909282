"""Trains as the original was trained, and prints its tables.

2,021 and 754 images of its two layouts, 90 % trained on in batches of 16;
encoder, decoder, then both with the encoder frozen. The whole recipe takes days
on two cores; fewer epochs may be run, and a rerun with more resumes
(once both are trained together, only that stage may get more epochs).
The tables are written to WORKDIR/reproduction.json. Example:
    python scripts/reproduce_original.py --workdir=/tmp/original \\
        --encoder_epochs=12 --end_to_end_epochs=3
"""

import cli
import digit_flags
import given_flags
from absl import flags

from mnist_sum_tf.presets import ORIGINAL_EPOCHS

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the experiment; a rerun resumes.", required=True
)
_ENCODER_EPOCHS = flags.DEFINE_integer(
    "encoder_epochs",
    ORIGINAL_EPOCHS["encoder"],
    "Epochs of the encoder; 0 leaves it as it is.",
    lower_bound=0,
)
_DECODER_EPOCHS = flags.DEFINE_integer(
    "decoder_epochs",
    ORIGINAL_EPOCHS["decoder"],
    "Epochs of the decoder.",
    lower_bound=0,
)
_END_TO_END_EPOCHS = flags.DEFINE_integer(
    "end_to_end_epochs",
    ORIGINAL_EPOCHS["sum_model"],
    "Epochs of both, the encoder frozen.",
    lower_bound=0,
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Seed of everything random.",
    **given_flags.bounds("seed"),
)
_PRECISION = flags.DEFINE_string(
    "precision", "auto", "auto, float32 or mixed_bfloat16."
)
_BASE_CHANNELS = flags.DEFINE_integer(
    "base_channels",
    64,
    "Channels of the first block.",
    **given_flags.bounds("model.base_channels"),
)
_PYTORCH_START = flags.DEFINE_bool(
    "pytorch_start",
    True,
    "Start from weights drawn as PyTorch draws them, not as Keras does.",
)
_DIGITS, _TFDS_DATA_DIR = digit_flags.define()
flags.adopt_module_key_flags(digit_flags)
_LAYOUTS = flags.DEFINE_list(
    "layouts",
    ["tiled", "scattered", "assignment"],
    "Layouts of unseen test digits to evaluate the result on.",
)


def main(argv):
    del argv
    from mnist_sum_tf import original_recipe, original_tables

    digit_flags.check_tfds_data_dir(_DIGITS.value)
    recipe = original_recipe.Recipe(
        epochs={
            "encoder": _ENCODER_EPOCHS.value,
            "decoder": _DECODER_EPOCHS.value,
            "sum_model": _END_TO_END_EPOCHS.value,
        },
        seed=_SEED.value,
        precision=_PRECISION.value,
        digits=_DIGITS.value,
        tfds_data_dir=_TFDS_DATA_DIR.value,
        base_channels=_BASE_CHANNELS.value,
        pytorch_start=_PYTORCH_START.value,
        layouts=tuple(_LAYOUTS.value),
    )
    report = original_recipe.reproduce(recipe, _WORKDIR.value)
    print(original_tables.format_report(report))


if __name__ == "__main__":
    cli.run(main)
