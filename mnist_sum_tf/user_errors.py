"""The error that a user reads, and text cut and escaped to fit its one line."""

import contextlib
import os
import re
import unicodedata

# Unicode's control, format and separator characters, and bytes that are not UTF-8.
UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


class UserError(ValueError):
    """An error caused by the user's input, reported in one line.

    Scripts print its message without a traceback and exit with status 1.
    """


def check_path(path, flag: str) -> None:
    """Raises `UserError` for a path that TensorFlow can write to but not read.

    Args:
        path: of a folder of checkpoints or a SavedModel.
        flag: the flag that names it.

    Raises:
        UserError: if the path is not UTF-8, or contains glob characters.
    """
    is_utf8 = os.fsencode(path).decode(errors="replace") == str(path)
    if not is_utf8 or any(character in str(path) for character in "[]\\"):
        raise UserError(
            f"--{flag} must be a path in UTF-8 without [, ] and \\, which TensorFlow "
            f"takes for a glob pattern. Received: {str(path)!r}"
        )


def first_line(reason, limit: int = 300) -> str:
    """The informative line of an error or of a server's message, cut to `limit`."""
    is_error = isinstance(reason, Exception)
    silent = type(reason).__name__ if is_error else "no reason given"
    text = str(reason).strip()
    # In TensorFlow's report, the line before the operation's name.
    report = re.search(r"^Graph execution error:.*?([^\n]+)\n\s*\[\[\{\{", text, re.S)
    line = report[1] if report else (text.splitlines() or [silent])[0]
    line = re.sub(r"^\{\{.*?\}\} *", "", line)  # TensorFlow's name of an operation
    return line if len(line) <= limit else line[:limit] + "…"


def one_line(text: str) -> str:
    """Escapes newlines and other unprintable characters, as of a path in a text."""
    return "".join(
        repr(each)[1:-1] if unicodedata.category(each) in UNPRINTABLE else each
        for each in text
    )


def kind_and_line(error: Exception) -> str:
    """An error's class name and `first_line`, where the line alone is too terse."""
    return f"{type(error).__name__}: {first_line(error)}"


@contextlib.contextmanager
def os_errors_as_user_errors(folder, flag: str = "--output_dir"):
    """Turns an `OSError` of a folder's files into a `UserError`.

    Args:
        folder: where something is written.
        flag: the flag that names it.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{flag} must be a folder that can be written. "
            f"Received: {str(folder)!r}: {error.strerror or first_line(error)}"
        ) from error
