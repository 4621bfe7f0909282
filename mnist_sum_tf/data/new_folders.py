"""Folders that appear when all is written, or not at all."""

import contextlib
import pathlib
import shutil
import tempfile
from typing import Iterator

from mnist_sum_tf import config
from mnist_sum_tf.whole_files import ended_tidily


@contextlib.contextmanager
def new_folder(output_dir: str) -> Iterator[pathlib.Path]:
    """Gives a folder to write into, which then becomes `output_dir`.

    Args:
        output_dir: a folder that is empty or not there yet.

    Raises:
        UserError: if it holds anything or cannot be written.
    """
    check_empty(output_dir)
    folder = pathlib.Path(output_dir).resolve()
    with failed_writes_reported(output_dir):
        folder.parent.mkdir(parents=True, exist_ok=True)
        # On the same file system: what is moved there is only renamed.
        near = folder if folder.is_dir() else folder.parent
        with ended_tidily(), tempfile.TemporaryDirectory(
            prefix=f".{folder.name[:50]}.", dir=near
        ) as beside:
            # Within, as a temporary folder itself is closed to other users.
            scratch = pathlib.Path(beside) / "images"
            scratch.mkdir()
            yield scratch
            _move(scratch, folder)


def check_empty(output_dir: str, but: pathlib.Path | None = None) -> None:
    """Raises `UserError` if it is there and not a folder that is empty but for one."""
    with failed_writes_reported(output_dir):
        folder = pathlib.Path(output_dir).resolve()
        if folder.is_dir() and not set(folder.iterdir()) - {but}:
            return
        if folder.exists():
            raise config.UserError(
                "--output_dir must be empty or not there yet; nothing is "
                f"overwritten. Received: {_described(folder)}"
            )


def _described(folder: pathlib.Path) -> str:
    """Its path, and a hidden entry where it has no others."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    is_hidden = all(name.startswith(".") for name in names)
    return repr(str(folder)) + (f", which holds {names[0]}" if is_hidden and names else "")


@contextlib.contextmanager
def failed_writes_reported(output_dir: str, flag: str = "--output_dir"):
    """Turns what goes wrong with a folder's files into a `UserError`."""
    try:
        yield
    except OSError as error:
        raise config.UserError(
            f"{flag} must be a folder that can be written. "
            f"Received: {output_dir!r}: {error.strerror or error}"
        ) from error


def _move(scratch: pathlib.Path, folder: pathlib.Path) -> None:
    """Moves a finished folder to its place, all at once if that is free."""
    if not folder.exists():
        scratch.rename(folder)
        return
    # Somebody's folder, maybe a mounted volume: it stays itself.
    check_empty(str(folder), but=scratch.parent)
    moved = []
    try:
        for path in sorted(scratch.iterdir()):
            moved.append(path)
            shutil.move(path, folder / path.name)
    except BaseException:  # Ctrl-C as well: what is there in part looks whole.
        for path in moved:
            _remove(folder / path.name)
        raise


def _remove(path: pathlib.Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
