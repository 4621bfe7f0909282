"""A stage's folder belongs to one process at a time."""

import contextlib
import fcntl
import os
import pathlib

from mnist_sum_tf.user_errors import UserError, check_path

LOCK_FILE = ".lock"


def lock_directory(stage_dir):
    """Locks the folder for this process; creates it if missing.

    Returns:
        An open file; the lock ends when it is closed or the process exits.

    Raises:
        UserError: if another process trains in it, or it cannot be used.
    """
    check_path(stage_dir, "workdir")
    path = pathlib.Path(stage_dir) / LOCK_FILE
    try:
        return _locked(path)
    except BlockingIOError:
        raise UserError(
            f"{path.parent} must be used by one process at a time. "
            f"Received: a second one, beside {_holder(path)}"
        ) from None
    except OSError as error:
        raise unwritable(error) from error


def _locked(path: pathlib.Path):
    """The lock file, open and locked; made anew if a refused run has just removed it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as closing:
            file = closing.enter_context(open(path, "a+", encoding="utf-8"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, file):
                file.truncate(0)
                file.write(f"process {os.getpid()}")
                file.flush()
                closing.pop_all()
                return file


def _is_at(path, file) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _holder(path) -> str:
    """Who holds the lock, which may end at any time."""
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace") or "another"
    return "another, which has ended since"


@contextlib.contextmanager
def locked_directory(stage_dir):
    """A context that holds `lock_directory`; new folders do not outlive a refusal.

    Raises: as `lock_directory`.
    """
    stage_dir = pathlib.Path(stage_dir)
    new = [each for each in (stage_dir, *stage_dir.parents) if not each.exists()]
    with lock_directory(stage_dir) as file:
        try:
            yield
        finally:
            is_ours = _is_at(stage_dir / LOCK_FILE, file)
            if new and is_ours and not is_begun(stage_dir):
                with contextlib.suppress(OSError):  # which may hold something by now
                    (stage_dir / LOCK_FILE).unlink()
                    for each in new:
                        each.rmdir()


def is_begun(stage_dir) -> bool:
    """Whether a folder holds anything except the lock file of a refused run.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        there = os.path.exists(stage_dir) and {*os.listdir(stage_dir)}
    except OSError as error:
        raise unwritable(error) from error
    return bool(there and there - {LOCK_FILE})


def unwritable(error: OSError) -> UserError:
    """The error to raise where a folder cannot be written."""
    return UserError(
        f"--workdir must be a folder that can be written. Received: {error}"
    )
