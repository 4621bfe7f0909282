"""Silences the warnings and logs of converters."""

import contextlib
import logging
import warnings


@contextlib.contextmanager
def quiet():
    """Drops warnings of Python's, and what is logged below a warning.

    Converters reset their loggers' levels, so logging is disabled globally.
    """
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
