"""Turns the original's PyTorch checkpoints into a work directory, and back.

Tensor names show what a checkpoint holds (encoder, decoder, or both). Needs
PyTorch: pip install -e '.[torch]'. Examples:
    python scripts/convert_torch_checkpoint.py \\
        --torch_checkpoint=encoder.pth --workdir=/tmp/original
    python scripts/convert_torch_checkpoint.py --to_torch --stage=sum_model \\
        --torch_checkpoint=both.pth --workdir=/tmp/original
Training goes on from it under the settings that are named here: give the flags
of the training to come, such as --images.
"""

import cli
import given_flags
import training_flags
from absl import flags

from mnist_sum_tf.user_errors import UserError

training_flags.define_image_flags()
flags.adopt_module_key_flags(training_flags)
flags.FLAGS.set_default("preset", "original")
_TORCH_CHECKPOINT = flags.DEFINE_string(
    "torch_checkpoint",
    None,
    "The PyTorch file to read, or to write.",
    required=True,
)
_TO_TORCH = flags.DEFINE_bool(
    "to_torch", False, "Write --torch_checkpoint from --workdir."
)
_STAGE = flags.DEFINE_enum(
    "stage",
    None,
    ["encoder", "decoder", "sum_model"],
    "What to write with --to_torch; by default sum_model: encoder and decoder "
    "in one, as evaluated.",
)


def main(argv):
    del argv
    from mnist_sum_tf.torch_bridge import work_directories

    path, workdir = _TORCH_CHECKPOINT.value, training_flags.workdir()
    if _TO_TORCH.value:
        _check_no_other_flags()
        stage = work_directories.convert_to_torch(path, workdir, _STAGE.value)
        print(f"Wrote the {stage} of {workdir} to {path}")
        return
    if _STAGE.value:
        raise UserError(
            "--stage requires --to_torch; what a PyTorch file is of shows in "
            f"its tensors. Received: --stage={_STAGE.value} alone"
        )
    if given_flags.optional("normalized"):
        raise UserError(
            "--normalized must not be given: the original's layers are plain. "
            "Received: --normalized"
        )
    settings = work_directories.convert_from_torch(
        path, workdir, training_flags.settings
    )
    print(f"Wrote {path} to {workdir}/{settings.stage}")


def _check_no_other_flags() -> None:
    """Raises `UserError` for settings of a training, which --to_torch does not need."""
    module = flags.FLAGS.find_module_defining_flag("to_torch")
    needed = {"workdir", "torch_checkpoint", "to_torch", "stage"}
    given = sorted(
        f"--{flag.name}"
        for flag in flags.FLAGS.get_key_flags_for_module(module)
        if flag.present and flag.name not in needed
    )
    if given:
        raise UserError(
            "--to_torch requires --workdir, --torch_checkpoint and --stage "
            f"alone: it trains nothing. Received: {', '.join(given)}"
        )


if __name__ == "__main__":
    cli.run(main)
