"""Files that are written as a whole or not at all."""

import os
import pathlib
import socket


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
    except OSError:  # a file system without links, where the last one wins
        os.replace(own, path)
    finally:
        own.unlink(missing_ok=True)
