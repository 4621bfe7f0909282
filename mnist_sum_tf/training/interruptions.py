"""SIGTERM and Ctrl-C: a run finishes its step, saves, and says how to go on."""

import contextlib
import os
import signal
import threading

from mnist_sum_tf.user_errors import UserError

# EX_TEMPFAIL of sysexits.h: not done yet, rerun the same command.
EXIT_STATUS = 75
SIGNALS = (signal.SIGTERM, signal.SIGINT)
STANDARD_ERROR = 2
STOPPING = b"\nstopping as soon as all is saved; a second signal ends it at once\n"


class TrainingStopped(Exception):
    """Raised when a run was asked to stop and has saved its state.

    Scripts print its message and exit with `EXIT_STATUS`.
    """


class MachineLost(UserError):
    """Another machine of a multi-worker training is gone."""


@contextlib.contextmanager
def default_interrupt():
    """A context in which Ctrl-C kills even while Python waits for another library.

    Outside the main thread it changes nothing, as `StopRequest`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class StopRequest:
    """A context that reports and records the first signal; the next one kills.

    Outside the main thread, where Python cannot handle signals, it records
    nothing.

    Attributes:
        signal_name: the signal that came, e.g. `"SIGTERM"`; `None` before.
    """

    def __init__(self):
        self.signal_name = None
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) != signal.SIG_IGN:  # as a shell's `&` asks
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        # By a system call: the signal may have interrupted a buffered write.
        with contextlib.suppress(OSError):
            os.write(STANDARD_ERROR, STOPPING)
        self.signal_name = signal.Signals(number).name
        # Whoever asks twice does not want to wait for the step's end.
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)
