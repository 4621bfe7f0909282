"""The numbers of a run, one row per logged step, as CSV and as JSON."""

import csv
import io
import json
import pathlib

from mnist_sum_tf.atomic_files import write_atomically
from mnist_sum_tf.user_errors import UserError

# Keras' accuracies are float32, where 0.95 is a little less.
ROUNDING = 1e-6


class History:
    """Rows of a run, kept in `history.csv` and `history.json`.

    A resumed run drops the rows after its checkpoint, so each step appears once.

    Attributes:
        rows: dictionaries with the key `step`, in the order of steps.
    """

    def __init__(self, directory, last_step: int):
        """Reads the rows up to `last_step` that an earlier run left."""
        self._directory = pathlib.Path(directory)
        self.rows = [
            row for row in read_history(self._directory) if row["step"] <= last_step
        ]

    def add(self, row: dict) -> None:
        """Adds a row (to the last one, if that is of the same step)."""
        if self.rows and self.rows[-1]["step"] == row["step"]:
            self.rows[-1].update(row)
        else:
            self.rows.append(dict(row))

    def reaches(self, accuracy: float) -> bool:
        """Whether each validation set of the last row has this share of sums right.

        Uses the most likely sums if there are any, else (decoder) the rounded ones.
        """
        last = self.rows[-1] if self.rows else {}
        for ending in ("/sum_accuracy", "/rounded_sum_accuracy"):
            reached = [value for name, value in last.items() if name.endswith(ending)]
            if reached:
                return min(reached) >= accuracy - ROUNDING
        return False

    def save(self) -> None:
        """Writes both files, each as a whole."""
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self._directory / "history.csv", text.getvalue())
        as_json = json.dumps(self.rows, indent=1) + "\n"
        write_atomically(self._directory / "history.json", as_json)


def losses_of(rows: list[dict]) -> list[float]:
    """The training losses of those rows that have one."""
    return [row["loss"] for row in rows if "loss" in row]


def remove_history(directory) -> None:
    """Removes a folder's history, where it has one."""
    for name in ("history.csv", "history.json"):
        (pathlib.Path(directory) / name).unlink(missing_ok=True)


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
        if not isinstance(rows, list) or not all(map(_is_row, rows)):
            raise ValueError(f"no such rows: {str(rows)[:60]}")
        return rows
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} must be a list of rows of numbers with a step. Received: {error!r}"
        ) from error


def _is_row(row) -> bool:
    """Whether it is a dictionary of numbers, with a step from 0."""
    return (
        isinstance(row, dict)
        and type(row.get("step")) is int
        and row["step"] >= 0
        and all(type(value) in (int, float) for value in row.values())
    )
