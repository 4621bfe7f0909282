"""The flags that the three training scripts share, and what they mean."""

import dataclasses
import functools

from absl import flags

from mnist_sum_tf import config
from mnist_sum_tf.presets import get_preset

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the experiment; a rerun resumes.", required=True
)
_PRESET = flags.DEFINE_string(
    "preset", "compact", f"Settings to start from: {', '.join(config.PRESETS)}."
)
# Bounds keep every number within what TensorFlow's integers hold.
_LARGEST = 2**31 - 1
flags.DEFINE_integer(
    "seed", None, "Seed of everything random.", lower_bound=0,
    upper_bound=_LARGEST,
)  # fmt: skip
flags.DEFINE_integer(
    "total_steps", None, "Optimizer steps of the whole run.", lower_bound=1,
    upper_bound=_LARGEST,
)  # fmt: skip
flags.DEFINE_integer(
    "global_batch_size", None, "Examples per step over all devices.",
    lower_bound=1, upper_bound=2**20,
)  # fmt: skip
flags.DEFINE_float("learning_rate", None, "Adam's peak learning rate.")
flags.DEFINE_string("precision", None, f"One of {', '.join(config.PRECISIONS)}.")
flags.DEFINE_string("strategy", None, f"One of {', '.join(config.STRATEGIES)}.")
flags.DEFINE_integer(
    "checkpoint_every_steps", None, "Steps between checkpoints.", lower_bound=1
)
flags.DEFINE_integer(
    "evaluate_every_steps", None, "Steps between evaluations.", lower_bound=1
)
flags.DEFINE_integer(
    "log_every_steps", None, "Steps that a row of the history averages over.",
    lower_bound=1,
)  # fmt: skip
flags.DEFINE_integer(
    "skip_non_finite", None, "Steps that may be left out because their loss or "
    "gradient is not finite, before the run stops.", lower_bound=0,
)  # fmt: skip
flags.DEFINE_bool(
    "deterministic", None, "Make GPUs give the same bits each time, which is "
    "slower; processors do so anyway. Off.",
)  # fmt: skip
flags.DEFINE_float(
    "stop_at_accuracy", None, "Share of validation sums, 0 to 1, at which training "
    "ends before its last step; above 1 never.", lower_bound=0.0,
)  # fmt: skip
flags.DEFINE_string(
    "layout", None, f"Layout of the composites: {', '.join(config.LAYOUTS)}."
)
flags.DEFINE_string(
    "digits", None, "bundled, tfds, or the path of an .npz in Keras' layout."
)
flags.DEFINE_string("tfds_data_dir", None, "Where TensorFlow Datasets keeps its data.")


@functools.cache  # a second call in one process must not define them twice
def define_image_flags() -> None:
    """Defines the flags of the scripts that read images."""
    _define_model_flags()
    _define_composite_flags()
    _define_own_image_flags()


def _define_model_flags() -> None:
    flags.DEFINE_integer(
        "base_channels", None, "Channels of the first block.", lower_bound=1,
        upper_bound=1024,
    )  # fmt: skip
    flags.DEFINE_string(
        "initial_model", None,
        "Exported model to start from, e.g. exported_models/mnist_sum.",
    )  # fmt: skip
    flags.DEFINE_bool(
        "normalized", None, "Normalise batches while the encoder learns; what is "
        "evaluated and exported does without. On, but off in the preset original.",
    )  # fmt: skip


def _define_composite_flags() -> None:
    flags.DEFINE_bool(
        "worn", None, "Wear images of the layout mixed (noise, blur, stray lines, "
        "...). On.",
    )  # fmt: skip
    flags.DEFINE_bool(
        "bent", None, "Bend, turn and thicken digits in any layout, as mixed does. "
        "Off, but on in the preset speedrun.",
    )
    flags.DEFINE_float(
        "bend_strength", None, "How far digits of mixed or --bent are bent, turned "
        "and thickened, as a share of what is usual.", lower_bound=0.0,
        upper_bound=1.0,
    )  # fmt: skip
    flags.DEFINE_float(
        "wear_share", None, "How many images of mixed are worn, as a share of what "
        "is usual.", lower_bound=0.0, upper_bound=1.0,
    )  # fmt: skip


def _define_own_image_flags() -> None:
    flags.DEFINE_string(
        "images", None,
        "A folder of labelled PNGs, or an .npy of images, to learn from in "
        "place of composites.",
    )  # fmt: skip
    flags.DEFINE_string(
        "sums", None, "The .npy of sums that belongs to an .npy of --images."
    )
    flags.DEFINE_bool(
        "augmented", None, "Move, turn, bend and thicken --images, each time another "
        "way, while training. On, but off in the presets speedrun and original.",
    )  # fmt: skip


def workdir() -> str:
    return _WORKDIR.value


def settings(stage: str, **changes) -> config.Config:
    """The preset with every flag that was given in its place.

    Args:
        stage: one of `config.STAGES`.
        **changes: further settings of `config.Config`; `None` changes nothing.
    """
    preset = get_preset(_PRESET.value, stage)
    _check_fits_images()
    chosen = dataclasses.replace(
        preset,
        data=_data(preset.data),
        model=_changed(preset.model, "base_channels", "normalized"),
        optimizer=_changed(preset.optimizer, "learning_rate"),
        **_given(
            "seed", "total_steps", "global_batch_size", "precision", "strategy",
            "checkpoint_every_steps", "evaluate_every_steps", "log_every_steps",
            "skip_non_finite", "stop_at_accuracy", "deterministic",
            "initial_model",
        ),
        **{name: value for name, value in changes.items() if value is not None},
    )  # fmt: skip
    _check_learns(chosen)
    return chosen


def _data(preset: config.DataConfig) -> config.DataConfig:
    data = _changed(
        preset, "layout", "digits", "tfds_data_dir", "images", "sums", "bent",
        "worn", "bend_strength", "wear_share", "augmented",
    )  # fmt: skip
    if data.images is None:  # nothing to augment: not a setting of composites
        data = dataclasses.replace(data, augmented=False)
    _check_degrees(data)
    return data


def _check_fits_images() -> None:
    """Raises `UserError` for flags of composites with `--images`, or the reverse."""
    for name in (
        "layout", "bent", "bend_strength", "worn", "wear_share", "digits",
        "tfds_data_dir",
    ):  # fmt: skip
        if _optional("images") and _optional(name) is not None:
            raise config.UserError(
                f"--{name} is of composites and must not stand beside --images. "
                f"Received: {flags.FLAGS[name].serialize()} "
                f"--images={_optional('images')}"
            )
    if _optional("augmented") is not None and not _optional("images"):
        raise config.UserError(
            "--augmented is of a person's own images and must stand beside --images. "
            f"Received: {flags.FLAGS['augmented'].serialize()}"
        )


def _check_learns(chosen: config.Config) -> None:
    """Raises `UserError` for an encoder to be normalised that does not learn."""
    if _optional("normalized") and not chosen.train_encoder:
        raise config.UserError(
            "--normalized must go with an encoder that learns (--train_encoder). "
            f"Received: --normalized --notrain_encoder --preset={chosen.preset}"
        )


def _check_degrees(data: config.DataConfig) -> None:
    """Raises `UserError` for a degree of something that is not done at all."""
    is_mixed = data.layout == "mixed"
    for name, is_done, needed in (
        ("bend_strength", is_mixed or data.bent, "--layout=mixed or --bent"),
        ("wear_share", is_mixed and data.worn, "--layout=mixed and --worn"),
    ):
        if _optional(name) is not None and not is_done:
            raise config.UserError(
                f"--{name} must go with {needed}. Received: --layout={data.layout}"
                f"{' --noworn' if not data.worn else ''}"
            )


def _optional(name: str):
    return flags.FLAGS[name].value if name in flags.FLAGS else None


def _given(*names: str) -> dict:
    """The flags among these that stand on the command line, by name."""
    values = {name: _optional(name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _changed(settings, *names: str):
    """Settings with every flag among these that was given in its place."""
    return dataclasses.replace(settings, **_given(*names))
