"""The flags of digits and images to learn from, and what they mean.

`training_flags.py` has those of every training.
"""

import contextlib
import dataclasses
import functools

import digit_flags
import given_flags
from absl import flags
from given_flags import bounds
from preset_defaults import in_presets

from mnist_sum_tf import config
from mnist_sum_tf.config_check import check_block_channels, check_data
from mnist_sum_tf.user_errors import UserError


@functools.cache  # a second call in one process must not define them twice
def define() -> None:
    """Defines the flags of the scripts that read images."""
    _define_size()
    _define_learned_from()
    define_layout()
    digit_flags.define(None, in_presets("data.digits"))
    flags.adopt_module_key_flags(digit_flags)
    _define_composite_flags()
    define_own_images()
    flags.DEFINE_bool(
        "augmented",
        None,
        "Move, turn, deform and thicken --images, each time another "
        "way, while training." + in_presets("data.augmented", config.IMAGE_STAGES),
    )


def _define_size() -> None:
    flags.DEFINE_integer(
        "base_channels",
        None,
        "Channels of the first block, twice as many in each next "
        "one." + in_presets("model.base_channels"),
        **bounds("model.base_channels"),
    )
    flags.DEFINE_list(
        "block_channels",
        None,
        "Channels of each of the five blocks, e.g. "
        "16,48,128,160,208, in place of --base_channels.",
    )
    flags.DEFINE_float(
        "dropout_rate",
        None,
        "Share of activations dropped while training, after "
        "each block." + in_presets("model.dropout_rate"),
        **bounds("model.dropout_rate"),
    )
    flags.DEFINE_bool(
        "normalized",
        None,
        "Normalise batches while the encoder learns; what is "
        "evaluated and exported does without."
        + in_presets("model.normalized", config.IMAGE_STAGES),
    )


def _define_learned_from() -> None:
    flags.DEFINE_string(
        "initial_model",
        None,
        "Exported model to start from, e.g. exported_models/mnist_sum, or the "
        "encoder.npz of distill_encoder.py; the encoder gets its size.",
    )
    flags.DEFINE_string(
        "teacher",
        None,
        "Exported model or encoder.npz whose answers the encoder learns, in place of "
        "labels: it is shown each composite before degradation (train_encoder.py "
        "alone). Of several, with commas between, the mean.",
    )


def _define_composite_flags() -> None:
    flags.DEFINE_bool(
        "deformed",
        None,
        "Deform, turn and thicken digits of other layouts, as "
        "mixed does." + in_presets("data.deformed"),
    )
    flags.DEFINE_float(
        "deformation_strength",
        None,
        "Factor on deformation in mixed or --deformed, "
        "from 0 to 1." + in_presets("data.deformation_strength"),
        **bounds("data.deformation_strength"),
    )
    flags.DEFINE_float(
        "degradation_share",
        None,
        "Factor on the number of degraded images of mixed (noise, blur, stray lines, "
        "...), from 0 to 1." + in_presets("data.degradation_share"),
        **bounds("data.degradation_share"),
    )
    flags.DEFINE_float(
        "mixup_share",
        None,
        "Share of the images whose digits are blended with others, "
        "up to half and half, and labels likewise (train_encoder.py alone)."
        + in_presets("data.mixup_share", ("encoder",)),
        **bounds("data.mixup_share"),
    )


@functools.cache
def define_layout() -> None:
    """Defines the flag that says how digits are laid out."""
    flags.DEFINE_string(
        "layout",
        None,
        "Layout of the composites, which a decoder never sees: "
        f"{', '.join(config.LAYOUTS)}." + in_presets("data.layout"),
    )


@functools.cache
def define_own_images() -> None:
    """Defines the flags that name a person's own images."""
    flags.DEFINE_string(
        "images",
        None,
        "A folder of labelled PNGs, or an .npy or a folder of any pictures together "
        "with --sums.",
    )
    flags.DEFINE_string(
        "sums",
        None,
        "Sums of --images: an .npy beside an .npy, a .csv of lines such "
        "as photo.jpg,17 beside a folder of pictures. Not for train_encoder.py, which "
        "needs digits.",
    )


def model(preset: config.ModelConfig, stage_dirs=()) -> config.ModelConfig:
    """The preset's model as the flags change it.

    Args:
        preset: its model.
        stage_dirs: folders of encoders that training goes on from; the first one
            that holds a trained one determines the size.

    Raises:
        UserError: for an invalid size, or an initial model that has none.
    """
    chosen = given_flags.changed(preset, "normalized", "dropout_rate")
    base_channels = given_flags.optional("base_channels")
    block_channels = _block_channels()
    if base_channels and block_channels:
        raise UserError(
            "--base_channels cannot be combined with --block_channels. Received: "
            f"{base_channels} and {','.join(map(str, block_channels))}"
        )
    if base_channels:
        return chosen.with_channels(config.doubled_channels(base_channels))
    if block_channels:
        return chosen.with_channels(block_channels)
    return _size_of_starting_model(chosen, stage_dirs)


def _size_of_starting_model(chosen: config.ModelConfig, stage_dirs):
    """The size of the trained encoder, else of the initial model, else as it is."""
    initial_model = given_flags.optional("initial_model")
    if not (stage_dirs or initial_model):
        return chosen
    # Imported late: `--help` should not wait for TensorFlow.
    from mnist_sum_tf.training import initial_weights, trained_models

    for stage_dir in filter(trained_models.is_trained, stage_dirs):
        return trained_models.size_of_trained(chosen, stage_dir)
    if initial_model:
        return initial_weights.size_of_exported(chosen, initial_model)
    return chosen


def _block_channels() -> tuple[int, ...] | None:
    """The widths given, `None` where none are.

    Raises:
        UserError: if they are not five whole numbers in bounds.
    """
    channels = given_flags.optional("block_channels")
    if channels is None:
        return None
    with contextlib.suppress(ValueError):  # no numbers, which the check says
        channels = tuple(int(each) for each in channels)
    check_block_channels(channels)
    return channels


def data(preset: config.DataConfig) -> config.DataConfig:
    """The preset's data as the flags change it.

    Raises:
        UserError: for flags that would have no effect.
    """
    chosen = given_flags.changed(
        preset,
        "layout",
        "digits",
        "tfds_data_dir",
        "images",
        "sums",
        "deformed",
        "deformation_strength",
        "degradation_share",
        "mixup_share",
        "augmented",
    )
    # The preset's settings of the other kind of images have no effect.
    others = {"augmented": False} if chosen.images is None else {"mixup_share": 0.0}
    chosen = dataclasses.replace(chosen, **others)
    digit_flags.check_tfds_data_dir(chosen.digits)
    _check_have_effect(chosen)
    return chosen


def check_fits_images() -> None:
    """Raises `UserError` for flags of composites with `--images`, or the reverse."""
    images = given_flags.optional("images")
    of_composites = given_flags.given(
        "layout",
        "deformed",
        "deformation_strength",
        "degradation_share",
        "mixup_share",
        "digits",
        "tfds_data_dir",
    )
    for name in of_composites if images else ():
        raise UserError(
            f"--{name} is for composites and cannot be combined with --images. "
            f"Received: {flags.FLAGS[name].serialize()} --images={images}"
        )
    check_data(config.DataConfig(images=images, sums=given_flags.optional("sums")))
    if given_flags.given("augmented") and not images:
        raise UserError(
            "--augmented is for your own images and requires --images. "
            f"Received: {flags.FLAGS['augmented'].serialize()}"
        )


def _check_have_effect(data: config.DataConfig) -> None:
    """Raises `UserError` for flags without effect under this layout or other flags."""
    is_mixed = data.layout == "mixed"
    for name, has_effect, needed in (
        (
            "deformed",
            not is_mixed,
            "another --layout than mixed, which is always deformed",
        ),
        (
            "deformation_strength",
            is_mixed or data.deformed,
            "--layout=mixed or --deformed",
        ),
        ("degradation_share", is_mixed, "--layout=mixed"),
    ):
        if given_flags.optional(name) is not None and not has_effect:
            raise UserError(
                f"--{name} requires {needed}. Received: --layout={data.layout}"
            )
