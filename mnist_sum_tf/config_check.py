"""Settings that cannot be, whether flags or Python gave them."""

import math
import operator

from mnist_sum_tf import config
from mnist_sum_tf.user_errors import UserError

LARGEST_INTEGER = 2**31 - 1  # of TensorFlow's int32
# Positive float32, in which the optimizer computes, rounded towards 1.
SMALLEST_FLOAT, LARGEST_FLOAT = 1.2e-38, 3.4e38
# Setting -> its smallest and its largest value; whole numbers stand for whole numbers.
BOUNDS = {
    "seed": (0, LARGEST_INTEGER),
    "total_steps": (1, LARGEST_INTEGER),
    "global_batch_size": (1, 2**20),
    "checkpoint_every_steps": (1, LARGEST_INTEGER),
    "evaluate_every_steps": (1, LARGEST_INTEGER),
    "log_every_steps": (1, LARGEST_INTEGER),
    "skip_non_finite": (0, LARGEST_INTEGER),
    "decorrelation": (0.0, 1e9),
    "stop_at_accuracy": (0.0, math.inf),
    "data.deformation_strength": (0.0, 1.0),
    "data.degradation_share": (0.0, 1.0),
    "data.mixup_share": (0.0, 1.0),
    "data.train_fraction": (0.0, 1.0),
    "model.base_channels": (1, 1024),
    "model.dropout_rate": (0.0, 0.9),
    "optimizer.learning_rate": (SMALLEST_FLOAT, LARGEST_FLOAT),
    "optimizer.weight_decay": (0.0, LARGEST_FLOAT),
    "optimizer.warmup_steps": (0, LARGEST_INTEGER),
    "optimizer.gradient_clip_norm": (1e-30, math.inf),
    "optimizer.average_decay": (0.0, 1.0),
}
MOST_CHANNELS = 2**14  # of any block: what base_channels allows the last one
# Settings that no script has a flag for.
WITHOUT_FLAG = (
    "stage",
    "data.validates_all_layouts",
    "optimizer.schedule",
    "data.train_fraction",
    "optimizer.warmup_steps",
    "optimizer.gradient_clip_norm",
    "optimizer.average_decay",
)
MAY_BE_NONE = ("stop_at_accuracy", "optimizer.gradient_clip_norm")


def check_settings(settings: config.Config) -> None:
    """Refuses numbers out of bounds, widths of other than five blocks, and the like.

    Raises:
        UserError: names the setting, what it must be, and what it is.
    """
    for name, (smallest, largest) in BOUNDS.items():
        value = operator.attrgetter(name)(settings)
        if value is None and name in MAY_BE_NONE:
            continue
        check_number(flag_of(name), value, smallest, largest)
    schedule = settings.optimizer.schedule
    if schedule not in config.SCHEDULES:
        raise UserError(
            f"schedule must be one of {', '.join(config.SCHEDULES)}. "
            f"Received: {schedule!r}"
        )
    if settings.model.block_channels is not None:
        check_block_channels(settings.model.block_channels)
    check_data(settings.data)


def check_number(name: str, value, smallest, largest) -> None:
    """Refuses what is no number, or out of bounds.

    Args:
        name: of the flag or setting, for the error message.
        value: anything; a whole number where `smallest` is one.
        smallest, largest: the bounds, both allowed.

    Raises:
        UserError: names the flag, the bounds and the value.
    """
    whole = isinstance(smallest, int)
    if not _is_number(value, whole) or not smallest <= value <= largest:
        kind = "whole number" if whole else "number"
        raise UserError(
            f"{name} must be a {kind} from {smallest} to {largest}. Received: {value!r}"
        )


def check_data(data: config.DataConfig) -> None:
    """Raises `UserError` for no such layout, and for sums of no images."""
    check_layout(data.layout)
    if data.sums is not None and data.images is None:
        raise UserError(f"--sums requires --images. Received: --sums={data.sums} alone")


def check_layout(name: str) -> None:
    """Raises `UserError` unless `name` is one of `config.LAYOUTS`."""
    if name not in config.LAYOUTS:
        raise UserError(
            f"--layout must be one of {', '.join(config.LAYOUTS)}. Received: {name!r}"
        )


def check_stage(settings: config.Config, stage: str) -> None:
    """Refuses settings of another stage, and what this one would not learn by.

    Args:
        settings: what a function that trains `stage` was given.
        stage: one of `config.STAGES`.

    Raises:
        UserError: as `check_settings`, which it calls.
    """
    check_settings(settings)
    objectives = config.OBJECTIVES[stage]
    if settings.stage != stage:
        raise UserError(f"stage must be {stage!r} here. Received: {settings.stage!r}")
    if settings.objective not in objectives:
        raise UserError(
            f"--objective must be one of {', '.join(objectives)} for the stage {stage}. "
            f"Received: {settings.objective!r}"
        )
    of_encoder = {"teacher": settings.teacher, "mixup_share": settings.data.mixup_share}
    for name, value in of_encoder.items():
        if value and stage != "encoder":
            raise UserError(
                f"--{name} is for the encoder, which learns digits. "
                f"Received: --{name}={value} for the stage {stage}"
            )


def _is_number(value, whole: bool) -> bool:
    """Whether it is one; `True`, `False` and NaN are none."""
    kinds = int if whole else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    return is_number and not math.isnan(value)


def check_block_channels(channels) -> None:
    """Raises `UserError` unless these are five blocks' channels."""
    is_list = isinstance(channels, (tuple, list)) and len(channels) == config.NUM_BLOCKS
    if not is_list or not all(
        _is_number(each, whole=True) and 1 <= each <= MOST_CHANNELS for each in channels
    ):
        raise UserError(
            f"--block_channels must be {config.NUM_BLOCKS} whole numbers from 1 to "
            f"{MOST_CHANNELS}, with commas between. Received: {_joined(channels)}"
        )


def _joined(channels) -> str:
    """Channels as they are given on the command line."""
    if isinstance(channels, (tuple, list)):
        return repr(",".join(map(str, channels)))
    return repr(channels)


def flag_of(setting: str) -> str:
    """A setting as on the command line, e.g. `--layout` for `data.layout`."""
    return setting if setting in WITHOUT_FLAG else f"--{setting.split('.')[-1]}"
