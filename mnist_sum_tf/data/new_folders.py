"""Output folders that appear complete or not at all.

But one that exists, maybe a mount point, is filled: file by file, so that one killed
there (`kill -9`) may leave some of them.
"""

import contextlib
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from mnist_sum_tf.atomic_files import check_writable, cleaned_up_on_signals
from mnist_sum_tf.user_errors import UserError, os_errors_as_user_errors


@contextlib.contextmanager
def new_folder(output_dir: str) -> Iterator[pathlib.Path]:
    """Yields a scratch folder that becomes `output_dir` on success.

    Args:
        output_dir: a folder that is empty or does not exist yet.

    Raises:
        UserError: if it is not empty or cannot be written.
    """
    check_empty(output_dir)
    folder = pathlib.Path(output_dir).resolve()
    with os_errors_as_user_errors(output_dir):
        folder.parent.mkdir(parents=True, exist_ok=True)
        # On the same file system: what is moved there is only renamed.
        near = folder if folder.is_dir() else folder.parent
        with (
            cleaned_up_on_signals(),
            tempfile.TemporaryDirectory(
                prefix=f".{folder.name[:50]}.", dir=near
            ) as beside,
        ):
            # A subfolder, since the temporary folder itself is private to this user.
            scratch = pathlib.Path(beside) / "images"
            scratch.mkdir()
            yield scratch
            _move(scratch, folder)


def check_new_folder(output_dir: str) -> None:
    """Raises `UserError` unless `new_folder` could write it; for before long work."""
    check_empty(output_dir)
    with os_errors_as_user_errors(output_dir):
        check_writable(pathlib.Path(output_dir).resolve())


def check_empty(output_dir: str, but: pathlib.Path | None = None) -> None:
    """Raises `UserError` unless `output_dir` is absent, or empty apart from `but`."""
    with os_errors_as_user_errors(output_dir):
        folder = pathlib.Path(output_dir).resolve()
        if folder.is_dir() and not set(folder.iterdir()) - {but}:
            return
        if folder.exists():
            raise UserError(
                "--output_dir must be empty or not there yet; nothing is "
                f"overwritten. Received: {_described(folder)}"
            )


def _described(folder: pathlib.Path) -> str:
    """Its path, and its first entry if all its entries are hidden."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    is_hidden = all(name.startswith(".") for name in names)
    return repr(str(folder)) + (
        f", which holds {names[0]}" if is_hidden and names else ""
    )


def _move(scratch: pathlib.Path, folder: pathlib.Path) -> None:
    """Moves a finished folder to its final path, atomically if that is free."""
    if not folder.exists():
        scratch.rename(folder)
        return
    # An existing folder, maybe a mount point: keep it, fill it.
    check_empty(str(folder), but=scratch.parent)
    moved = []
    try:
        for path in sorted(scratch.iterdir()):
            moved.append(path)
            shutil.move(path, folder / path.name)
    except BaseException:  # Ctrl-C too: a partial folder would look complete.
        for path in moved:
            _remove(folder / path.name)
        raise


def _remove(path: pathlib.Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
