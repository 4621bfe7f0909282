"""Ctrl-C that is not lost.

Python raises `KeyboardInterrupt` wherever a program is just then: in a destructor it is
ignored, and on its way through TensorFlow's C++ it becomes another error.
"""

import signal
import sys

PAUSE_SECONDS = 1.0


class Interrupts:
    """Repeats `KeyboardInterrupt` until the program ends because of it.

    Attributes:
        has_come: whether Ctrl-C was pressed.
    """

    def __init__(self):
        self.has_come = False

    def __enter__(self):
        # Neither where it is ignored, as a shell asks for what runs beside it, nor
        # where a training run handles it itself.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._interrupt)
            signal.signal(signal.SIGALRM, self._repeat)
        return self

    def __exit__(self, *error):
        signal.setitimer(signal.ITIMER_REAL, 0)
        if signal.getsignal(signal.SIGINT) == self._interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _interrupt(self, *_):
        self.has_come = True
        signal.setitimer(signal.ITIMER_REAL, PAUSE_SECONDS, PAUSE_SECONDS)
        raise KeyboardInterrupt

    def _repeat(self, *_):
        if not _is_ending(sys.exception()):
            raise KeyboardInterrupt


def _is_ending(error: BaseException | None) -> bool:
    """Whether a `KeyboardInterrupt` is being handled, so that something cleans up."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False
