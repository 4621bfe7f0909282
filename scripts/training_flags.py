"""The flags that the training scripts share, and what they mean."""

import dataclasses
import math
import pathlib

import given_flags
import image_flags
from absl import flags
from given_flags import bounds
from preset_defaults import in_presets

from mnist_sum_tf import config
from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.user_errors import UserError

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the experiment; a rerun resumes.", required=True
)
_PRESET = flags.DEFINE_string(
    "preset", "compact", f"Settings to start from: {', '.join(config.PRESETS)}."
)
flags.DEFINE_integer(
    "seed", None, "Seed of everything random." + in_presets("seed"), **bounds("seed")
)
flags.DEFINE_integer(
    "total_steps",
    None,
    "Optimizer steps of the whole run." + in_presets("total_steps"),
    **bounds("total_steps"),
)
flags.DEFINE_integer(
    "global_batch_size",
    None,
    "Examples per step over all devices." + in_presets("global_batch_size"),
    **bounds("global_batch_size"),
)
flags.DEFINE_float(
    "learning_rate",
    None,
    "Adam's peak learning rate." + in_presets("optimizer.learning_rate"),
    **bounds("optimizer.learning_rate"),
)
flags.DEFINE_float(
    "weight_decay",
    None,
    "Decoupled weight decay, as in AdamW: a step shrinks every "
    "kernel by learning rate x this." + in_presets("optimizer.weight_decay"),
    **bounds("optimizer.weight_decay"),
)
for _name, _choices in (
    ("precision", config.PRECISIONS),
    ("strategy", config.STRATEGIES),
):
    flags.DEFINE_string(
        _name, None, f"One of {', '.join(_choices)}.{in_presets(_name)}"
    )
for _name, _meaning in (
    ("checkpoint_every_steps", "Steps between checkpoints."),
    ("evaluate_every_steps", "Steps between evaluations."),
    ("log_every_steps", "Steps that a row of the history averages over."),
):
    flags.DEFINE_integer(_name, None, _meaning + in_presets(_name), **bounds(_name))
flags.DEFINE_integer(
    "skip_non_finite",
    None,
    "Steps that may be left out because their loss or "
    "gradient is not finite, before the run stops." + in_presets("skip_non_finite"),
    **bounds("skip_non_finite"),
)
flags.DEFINE_bool(
    "deterministic",
    None,
    "Make GPUs give the same bits each time, which is "
    "slower; processors do so anyway." + in_presets("deterministic"),
)
flags.DEFINE_float(
    "stop_at_accuracy",
    None,
    "Share of validation sums, 0 to 1, at which training "
    "ends before its last step; above 1 never." + in_presets("stop_at_accuracy"),
    **bounds("stop_at_accuracy"),
)


def define_layout_flag() -> None:
    """Defines --layout, which the decoder's script shares with those of images."""
    image_flags.define_layout()
    flags.adopt_module_key_flags(image_flags)


def define_image_flags() -> None:
    """Defines the flags of the scripts that read images as well."""
    image_flags.define()
    flags.adopt_module_key_flags(image_flags)


def define_own_image_flags() -> None:
    """Defines only the flags that name the user's own images."""
    image_flags.define_own_images()
    flags.adopt_module_key_flags(image_flags)


def workdir() -> str:
    return _WORKDIR.value


def settings(stage: str, **changes) -> config.Config:
    """The preset, overridden by the flags that were given.

    Args:
        stage: one of `config.STAGES`.
        **changes: further settings of `config.Config`; `None` changes nothing.

    Raises:
        UserError: for flags that are invalid, or conflict.
    """
    _check_finite()
    preset = get_preset(_PRESET.value, stage)
    image_flags.check_fits_images()
    chosen = dataclasses.replace(
        preset,
        data=image_flags.data(preset.data),
        model=image_flags.model(preset.model, _trained_before(stage)),
        optimizer=given_flags.changed(
            preset.optimizer, "learning_rate", "weight_decay"
        ),
        **given_flags.given(
            "seed",
            "total_steps",
            "global_batch_size",
            "precision",
            "strategy",
            "checkpoint_every_steps",
            "evaluate_every_steps",
            "log_every_steps",
            "skip_non_finite",
            "stop_at_accuracy",
            "deterministic",
            "initial_model",
            "teacher",
        ),
        **{name: value for name, value in changes.items() if value is not None},
    )
    _check_learns(chosen)
    return chosen


def _check_finite() -> None:
    """Raises `UserError` for nan, which is within all bounds of flags, and for inf."""
    for name in flags.FLAGS:
        value = flags.FLAGS[name].value
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"--{name} must be a finite number. Received: {value}")


def _trained_before(stage: str) -> list[pathlib.Path]:
    """Folders of encoders that a run may continue from."""
    parts = {"sum_model": ["sum_model", "encoder"]}
    if given_flags.optional("initial_model"):  # which may be gone by then
        parts["encoder"] = ["encoder"]
    return [pathlib.Path(workdir()) / part for part in parts.get(stage, [])]


def _check_learns(chosen: config.Config) -> None:
    """Raises `UserError` for flags about learning that would have no effect."""
    if given_flags.optional("normalized") and not chosen.train_encoder:
        raise UserError(
            "--normalized requires an encoder that learns (--train_encoder). "
            f"Received: --normalized --notrain_encoder --preset={chosen.preset}"
        )
