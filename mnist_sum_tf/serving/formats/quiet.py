"""Converters that keep their reports to themselves."""

import contextlib
import logging
import warnings


@contextlib.contextmanager
def quiet():
    """Drops warnings of Python's, and what is logged below a warning.

    Converters set the levels of their loggers anew: all loggers are asked.
    """
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
