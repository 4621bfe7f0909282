"""Imports optional packages, with a one-line error where one is missing."""

import importlib
import warnings

from mnist_sum_tf.user_errors import UserError


class PackageMissing(UserError):
    """A package is not installed; the message says how to install it."""


def import_package(name: str, extra: str):
    """Imports a module that only an extra of this project installs.

    Args:
        name: of the module.
        extra: of `setup.cfg`, which brings it.

    Raises:
        PackageMissing: if it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise PackageMissing(
            f"The package {name.split('.')[0]} is needed here: "
            f"pip install -e '.[{extra}]'. Received: {error}"
        ) from error
