"""TensorFlow imported without what it prints past Python."""

import contextlib
import gc
import logging
import os
import sys

import absl.logging


def import_tensorflow() -> None:
    """Imports TensorFlow, which from then on speaks of warnings alone.

    The lines that it writes while it is imported are dropped.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _silent_stderr(), _no_search_for_garbage():
        import tensorflow as tf  # prints what no setting silences
    # First what saving a model sets the level back to; it may undo the level.
    absl.logging.set_verbosity(absl.logging.WARNING)
    for logger in (tf.get_logger(), logging.getLogger("absl")):
        logger.setLevel(logging.WARNING)


@contextlib.contextmanager
def _silent_stderr():
    """Keeps what libraries write past Python from standard error."""
    if sys.stderr is None:  # closed
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def _no_search_for_garbage():
    """Saves a fifth of an import's time; what was imported stays, and is not searched."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
