"""Files that are written as a whole or not at all."""

import contextlib
import os
import pathlib
import signal
import socket
import sys
import threading


def write_whole(path, content: str | bytes) -> None:
    """Writes a file beside its place, then renames: never half a file.

    Args:
        path: of the file; its folder is there.
        content: all of it; text becomes UTF-8.

    Raises:
        OSError: if it cannot be written; nothing is left then.
    """
    path = pathlib.Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    content = content.encode("utf-8") if isinstance(content, str) else content
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave it empty
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_once(path, text: str) -> None:
    """Writes a whole file unless there is one, whichever process comes first."""
    path = pathlib.Path(path)
    own = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")
    write_whole(own, text)
    try:
        os.link(own, path)  # unlike renaming, never replaces
    except FileExistsError:
        pass
    except OSError:  # a file system without links, where a reader may see half of it
        with contextlib.suppress(FileExistsError), open(path, "x") as file:
            file.write(text)
    finally:
        own.unlink(missing_ok=True)


@contextlib.contextmanager
def ended_tidily():
    """Lets SIGTERM raise `SystemExit`, so that what was begun is taken away."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread handle signals.
        return
    before = signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM)
    )
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
