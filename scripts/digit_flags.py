"""The flags that name the digits to compose, and their check."""

from absl import flags
from given_flags import optional

from mnist_sum_tf.user_errors import UserError


def define(default: str | None = "bundled", its_help: str = ""):
    """Defines `--digits` and `--tfds_data_dir`.

    Args:
        default: of `--digits`.
        its_help: what `--help` is to say of the default.

    Returns:
        The holders of both flags.
    """
    digits = flags.DEFINE_string(
        "digits",
        default,
        "bundled, tfds, or the path of an .npz in Keras' layout." + its_help,
    )
    tfds_data_dir = flags.DEFINE_string(
        "tfds_data_dir", None, "Where TensorFlow Datasets keeps its data."
    )
    return digits, tfds_data_dir


def check_tfds_data_dir(digits: str) -> None:
    """Raises `UserError` if `--tfds_data_dir` is given but would not be used."""
    tfds_data_dir = optional("tfds_data_dir")
    if tfds_data_dir is not None and digits != "tfds":
        raise UserError(
            "--tfds_data_dir requires --digits=tfds. Received: "
            f"--tfds_data_dir={tfds_data_dir} --digits={digits}"
        )
