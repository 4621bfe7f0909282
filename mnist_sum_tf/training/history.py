"""The numbers of a run, one row per logged step, as CSV and as JSON."""

import csv
import io
import json
import os
import pathlib
import socket

from mnist_sum_tf import config


def write_whole(path, text: str) -> None:
    """Writes a file beside its place, then renames: never half a file."""
    path = pathlib.Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
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


class History:
    """Rows of a run, kept in `history.csv` and `history.json`.

    A resumed run drops the rows after its checkpoint, so each step stands once.

    Attributes:
        rows: dictionaries with the key `step`, in the order of steps.
    """

    def __init__(self, directory, last_step: int):
        """Reads the rows up to `last_step` that an earlier run left."""
        self._directory = pathlib.Path(directory)
        self.rows = [
            row
            for row in read_history(self._directory)
            if row["step"] <= last_step
        ]

    def add(self, row: dict) -> None:
        """Adds a row (to the last one, if that is of the same step)."""
        if self.rows and self.rows[-1]["step"] == row["step"]:
            self.rows[-1].update(row)
        else:
            self.rows.append(dict(row))

    def reaches(self, accuracy: float) -> bool:
        """Whether each validation set of the last row has this share of sums right.

        The most likely sums where there are any, else (decoder) the rounded ones.
        """
        last = self.rows[-1] if self.rows else {}
        for ending in ("/sum_accuracy", "/rounded_sum_accuracy"):
            reached = [value for name, value in last.items() if name.endswith(ending)]
            if reached:
                return min(reached) >= accuracy
        return False

    def save(self) -> None:
        """Writes both files, each as a whole."""
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self._directory / "history.csv", text.getvalue())
        as_json = json.dumps(self.rows, indent=1) + "\n"
        write_whole(self._directory / "history.json", as_json)


def read_history(directory) -> list[dict]:
    """Returns the rows of a folder's `history.json`, none where it has none.

    Raises:
        UserError: if the file is not such a history.
    """
    path = pathlib.Path(directory) / "history.json"
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [dict(row) for row in rows if row["step"] >= 0]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise config.UserError(
            f"{path} must be a list of rows with a step. Received: {error!r}"
        ) from error
