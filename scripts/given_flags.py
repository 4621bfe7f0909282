"""Access to the flags that were given on the command line."""

import dataclasses

from absl import flags

from mnist_sum_tf.user_errors import UserError

# A bound that keeps numbers within what TensorFlow's integers hold.
LARGEST_INTEGER = 2**31 - 1


def optional(name: str):
    """The flag's value; `None` where it was not given, or the script has none."""
    return flags.FLAGS[name].value if name in flags.FLAGS else None


def given(*names: str) -> dict:
    """The flags among these that were given on the command line, by name."""
    values = {name: optional(name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def check_tfds_data_dir(digits: str) -> None:
    """Raises `UserError` if --tfds_data_dir is given but would not be used."""
    tfds_data_dir = optional("tfds_data_dir")
    if tfds_data_dir is not None and digits != "tfds":
        raise UserError(
            "--tfds_data_dir requires --digits=tfds. Received: "
            f"--tfds_data_dir={tfds_data_dir} --digits={digits}"
        )


def changed(settings, *names: str):
    """Settings in which those flags that were given replace the old values."""
    return dataclasses.replace(settings, **given(*names))
