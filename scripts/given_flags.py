"""Which flags stand on the command line."""

import dataclasses

from absl import flags

# A bound that keeps numbers within what TensorFlow's integers hold.
LARGEST_INTEGER = 2**31 - 1


def optional(name: str):
    """The flag's value; `None` where it was not given, or the script has none."""
    return flags.FLAGS[name].value if name in flags.FLAGS else None


def given(*names: str) -> dict:
    """The flags among these that stand on the command line, by name."""
    values = {name: optional(name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def changed(settings, *names: str):
    """Settings with every flag among these that was given in its place."""
    return dataclasses.replace(settings, **given(*names))
