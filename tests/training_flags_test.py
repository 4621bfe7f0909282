"""Every flag of the training scripts reaches the setting of its name."""

import dataclasses
import pathlib
import sys

import pytest
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scripts"))
import training_flags

# A value that no preset has, and what must stand beside it.
VALUES = {
    "seed": (7, ""),
    "total_steps": (11, ""),
    "global_batch_size": (24, ""),
    "learning_rate": (0.125, ""),
    "precision": ("float32", ""),
    "strategy": ("mirrored", ""),
    "checkpoint_every_steps": (13, ""),
    "evaluate_every_steps": (17, ""),
    "log_every_steps": (19, ""),
    "skip_non_finite": (2, ""),
    "deterministic": (True, ""),
    "stop_at_accuracy": (0.875, ""),
    "layout": ("separate", ""),
    "digits": ("my.npz", ""),
    "tfds_data_dir": ("data", ""),
    "base_channels": (5, ""),
    "initial_model": ("model", ""),
    "normalized": (False, ""),
    "worn": (False, ""),
    "bent": (True, ""),
    "bend_strength": (0.5, ""),
    "wear_share": (0.25, ""),
    "images": ("images", ""),
    "sums": ("sums.npy", "--images=images.npy"),
    "augmented": (False, "--images=images"),
}


@pytest.fixture(scope="module", autouse=True)
def defined_flags():
    training_flags.define_image_flags()


def settings(*arguments):
    flags.FLAGS.unparse_flags()
    for name in VALUES:
        flags.FLAGS[name].unparse()
    flags.FLAGS(["program", "--workdir=unused", *filter(None, arguments)])
    return training_flags.settings("encoder")


def flat(chosen) -> dict:
    """All settings by name, those of parts too."""
    values = {}
    for field in dataclasses.fields(chosen):
        value = getattr(chosen, field.name)
        is_part = dataclasses.is_dataclass(value)
        values |= flat(value) if is_part else {field.name: value}
    return values


def test_flags_may_be_asked_for_again():
    before = list(flags.FLAGS)
    training_flags.define_image_flags()
    assert list(flags.FLAGS) == before


def test_the_table_names_all_flags():
    defined = flags.FLAGS.flags_by_module_dict()["training_flags"]
    assert {flag.name for flag in defined} == {"workdir", "preset", *VALUES}


@pytest.mark.parametrize("name", VALUES)
def test_a_flag_sets_the_setting_of_its_name_alone(name):
    value, beside = VALUES[name]
    argument = f"--{name}={value}"
    without, given = flat(settings(beside)), flat(settings(beside, argument))
    assert without[name] != given[name] == value
    # Without composites, images are augmented.
    others = given | {name: without[name], "augmented": without["augmented"]}
    assert others == without
