"""The flags that the three training scripts share, and what they mean."""

import dataclasses

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
_SEED = flags.DEFINE_integer(
    "seed", None, "Seed of everything random.", lower_bound=0,
    upper_bound=_LARGEST,
)  # fmt: skip
_TOTAL_STEPS = flags.DEFINE_integer(
    "total_steps", None, "Optimizer steps of the whole run.", lower_bound=1,
    upper_bound=_LARGEST,
)  # fmt: skip
_GLOBAL_BATCH_SIZE = flags.DEFINE_integer(
    "global_batch_size", None, "Examples per step over all devices.",
    lower_bound=1, upper_bound=2**20,
)  # fmt: skip
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", None, "Adam's peak learning rate."
)
_PRECISION = flags.DEFINE_string(
    "precision", None, f"One of {', '.join(config.PRECISIONS)}."
)
_STRATEGY = flags.DEFINE_string(
    "strategy", None, f"One of {', '.join(config.STRATEGIES)}."
)
_CHECKPOINT_EVERY_STEPS = flags.DEFINE_integer(
    "checkpoint_every_steps", None, "Steps between checkpoints.", lower_bound=1
)
_EVALUATE_EVERY_STEPS = flags.DEFINE_integer(
    "evaluate_every_steps", None, "Steps between evaluations.", lower_bound=1
)
_LOG_EVERY_STEPS = flags.DEFINE_integer(
    "log_every_steps", None, "Steps that a row of the history averages over.",
    lower_bound=1,
)  # fmt: skip
_SKIP_NON_FINITE = flags.DEFINE_integer(
    "skip_non_finite", None, "Steps that may be left out because their loss or "
    "gradient is not finite, before the run stops.", lower_bound=0,
)  # fmt: skip
_DETERMINISTIC = flags.DEFINE_bool(
    "deterministic", None, "Make GPUs give the same bits each time, which is "
    "slower; processors do so anyway.",
)  # fmt: skip
_STOP_AT_ACCURACY = flags.DEFINE_float(
    "stop_at_accuracy", None, "Share of validation sums, 0 to 1, at which training "
    "ends before its last step; above 1 never.", lower_bound=0.0,
)  # fmt: skip
_LAYOUT = flags.DEFINE_string(
    "layout", None, f"Layout of the composites: {', '.join(config.LAYOUTS)}."
)
_DIGITS = flags.DEFINE_string(
    "digits", None, "bundled, tfds, or the path of an .npz in Keras' layout."
)
_TFDS_DATA_DIR = flags.DEFINE_string(
    "tfds_data_dir", None, "Where TensorFlow Datasets keeps its data."
)


def define_image_flags() -> None:
    """Defines the flags of the scripts that read images."""
    flags.DEFINE_integer(
        "base_channels", None, "Channels of the first block.", lower_bound=1,
        upper_bound=1024,
    )  # fmt: skip
    flags.DEFINE_string(
        "initial_model", None,
        "Exported model to start from, e.g. exported_models/mnist_sum.",
    )  # fmt: skip
    flags.DEFINE_bool(
        "normalized", None, "Normalise batches while the encoder learns; what "
        "is evaluated and exported does without.",
    )  # fmt: skip
    flags.DEFINE_bool(
        "worn", None, "Wear images of the layout mixed (noise, blur, stray lines, "
        "...).",
    )  # fmt: skip
    flags.DEFINE_bool(
        "bent", None, "Bend, turn and thicken digits in any layout, as mixed does."
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
        "way, while training.",
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
    data = _given(
        layout=_LAYOUT.value, digits=_DIGITS.value,
        tfds_data_dir=_TFDS_DATA_DIR.value, images=_optional("images"),
        sums=_optional("sums"), bent=_optional("bent"),
        worn=_optional("worn"), bend_strength=_optional("bend_strength"),
        wear_share=_optional("wear_share"), augmented=_optional("augmented"),
    )  # fmt: skip
    given = _given(
        seed=_SEED.value, total_steps=_TOTAL_STEPS.value,
        global_batch_size=_GLOBAL_BATCH_SIZE.value, precision=_PRECISION.value,
        strategy=_STRATEGY.value,
        checkpoint_every_steps=_CHECKPOINT_EVERY_STEPS.value,
        evaluate_every_steps=_EVALUATE_EVERY_STEPS.value,
        log_every_steps=_LOG_EVERY_STEPS.value,
        skip_non_finite=_SKIP_NON_FINITE.value,
        stop_at_accuracy=_STOP_AT_ACCURACY.value,
        initial_model=_optional("initial_model"),
        deterministic=_DETERMINISTIC.value, **changes,
    )  # fmt: skip
    data = dataclasses.replace(preset.data, **data)
    if data.images is None:  # nothing to augment: not a setting of composites
        data = dataclasses.replace(data, augmented=False)
    _check_degrees(data)
    return dataclasses.replace(
        preset,
        data=data,
        model=dataclasses.replace(
            preset.model,
            **_given(
                base_channels=_optional("base_channels"),
                normalized=_optional("normalized"),
            ),
        ),
        optimizer=dataclasses.replace(
            preset.optimizer, **_given(learning_rate=_LEARNING_RATE.value)
        ),
        **given,
    )


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


def _given(**values) -> dict:
    return {key: value for key, value in values.items() if value is not None}
