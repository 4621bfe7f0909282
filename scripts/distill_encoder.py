"""Distils twelve networks that read single digits into the encoder, on a GPU.

In JAX, not TensorFlow: pip install -e '.[distillation]', and for an NVIDIA GPU
pip install 'jax[cuda13]'. Some eleven minutes on one H200; without a GPU, days.
Example:
    python scripts/distill_encoder.py --workdir=/tmp/distilled
    python scripts/train_encoder.py --workdir=/tmp/mnist_sum \\
        --initial_model=/tmp/distilled/encoder.npz
If killed, the same command resumes it.
"""

import cli
import digit_flags
from absl import flags

from mnist_sum_tf.user_errors import UserError, kind_and_line

_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "The folder that checkpoints and encoder.npz go to.",
    required=True,
)
_DIGITS, _TFDS_DATA_DIR = digit_flags.define()
flags.adopt_module_key_flags(digit_flags)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of everything random.", lower_bound=0, upper_bound=10**6
)
_NUM_TEACHERS = flags.DEFINE_integer("num_teachers", 12, "Networks that teach.")
_TEACHER_STEPS = flags.DEFINE_integer(
    "teacher_steps", 6_000, "Training steps of each teacher, 1,024 digits each."
)
_NUM_LABELLED_IMAGES = flags.DEFINE_integer(
    "num_labelled_images",
    2**20,
    "Images whose digits are deformed and labelled by the teachers once; each is "
    "reused many times, placed and degraded in new ways. A power of two.",
)
_TOTAL_STEPS = flags.DEFINE_integer("total_steps", 38_000, "Encoder training steps.")
_GLOBAL_BATCH_SIZE = flags.DEFINE_integer(
    "global_batch_size", 1024, "Images per step of the encoder, a multiple of 32."
)
_LEARNING_RATE = flags.DEFINE_float("learning_rate", 4e-3, "Adam's peak rate.", 0.0)
_DEGRADATION_SHARE = flags.DEFINE_float(
    "degradation_share",
    0.5,
    "Share of the 15 in 32 candidate images that is degraded.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_CHECKPOINT_EVERY_STEPS = flags.DEFINE_integer(
    "checkpoint_every_steps", 2_000, "Steps between checkpoints of the encoder."
)


def main(argv):
    del argv
    digit_flags.check_tfds_data_dir(_DIGITS.value)
    recipe = _import_recipe()
    result = recipe.distill(_settings(recipe), _WORKDIR.value)
    print(
        f"Wrote {result.path}. Of unseen digits the teachers read "
        f"{100 * result.teachers_accuracy:.2f} %; of sums of such, deformed and placed as "
        f"learned from, the encoder has {100 * result.sum_accuracy:.2f} % right"
    )


def _import_recipe():
    """The library's module; raises `UserError` without JAX."""
    try:
        from mnist_sum_tf.distillation import recipe
    except ImportError as error:
        if (error.name or "").startswith("mnist_sum_tf"):
            raise
        raise UserError(
            "Distillation needs JAX: pip install -e '.[distillation]'. "
            f"Received: {kind_and_line(error)}"
        ) from error
    return recipe


def _settings(recipe):
    return recipe.Recipe(
        digits=_DIGITS.value,
        tfds_data_dir=_TFDS_DATA_DIR.value,
        num_teachers=_NUM_TEACHERS.value,
        teacher_steps=_TEACHER_STEPS.value,
        num_labelled_images=_NUM_LABELLED_IMAGES.value,
        student=recipe.students.StudentConfig(
            total_steps=_TOTAL_STEPS.value,
            global_batch_size=_GLOBAL_BATCH_SIZE.value,
            learning_rate=_LEARNING_RATE.value,
            degradation_share=_DEGRADATION_SHARE.value,
            seed=_SEED.value,
        ),
        checkpoint_every_steps=_CHECKPOINT_EVERY_STEPS.value,
    )


if __name__ == "__main__":
    cli.run(main, needs_tensorflow=False)
