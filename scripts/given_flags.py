"""Access to the flags that were given on the command line."""

import dataclasses
import math

from absl import flags

from mnist_sum_tf import config_check


def bounds(setting: str) -> dict:
    """The bounds of a setting, one of `config_check.BOUNDS`, for its flag."""
    smallest, largest = config_check.BOUNDS[setting]
    return {
        "lower_bound": smallest,
        "upper_bound": None if math.isinf(largest) else largest,
    }


def optional(name: str):
    """The flag's value; `None` where it was not given, or the script has none."""
    return flags.FLAGS[name].value if name in flags.FLAGS else None


def given(*names: str) -> dict:
    """The flags among these that were given on the command line, by name."""
    values = {name: optional(name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def changed(settings, *names: str):
    """Settings in which those flags that were given replace the old values."""
    return dataclasses.replace(settings, **given(*names))
