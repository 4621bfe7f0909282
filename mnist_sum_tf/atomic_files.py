"""Atomic writes: files appear complete or not at all."""

import contextlib
import errno
import os
import pathlib
import signal
import sys
import tempfile
import threading

# Termination requests, and the loss of the terminal.
ENDING = (signal.SIGTERM, signal.SIGHUP)


def write_atomically(path, content: str | bytes) -> None:
    """Writes a file beside its place, then renames: never half a file.

    Args:
        path: of the file, or of a link to it; its folder is there.
        content: all of it; text becomes UTF-8.

    Raises:
        OSError: if it cannot be written, or something other than a file exists there;
            nothing is left then.
    """
    path = place_of_file(path)
    # Cut, so that the longest of names still fits.
    beside = path.with_name(f".{path.name[:50]}.{os.getpid()}.partial")
    content = content.encode("utf-8") if isinstance(content, str) else content
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave it empty
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def place_of_file(path) -> pathlib.Path:
    """The path to rename a file to: a link's target, so that the link stays.

    Raises:
        OSError: if a folder, a device or a pipe is there, which would be replaced.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EEXIST, "it exists but is not a file", str(path))
    return pathlib.Path(os.path.realpath(path))


def check_writable(folder) -> None:
    """Tries to write into a folder, or else into its nearest existing parent.

    Raises:
        OSError: if that fails; nothing is left there in any case.
    """
    folder = pathlib.Path(os.path.abspath(folder))
    while not os.path.lexists(folder):
        folder = folder.parent
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextlib.contextmanager
def cleaned_up_on_signals():
    """Lets `ENDING` signals raise `SystemExit`, so that partial output is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread handle signals.
        return
    before = {
        number: signal.signal(number, lambda number, _: sys.exit(128 + number))
        for number in ENDING
        if signal.getsignal(number) != signal.SIG_IGN  # as `nohup` asks
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
