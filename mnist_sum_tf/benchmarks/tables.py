"""Measurements as a table for a terminal, and as JSON."""

import dataclasses
import json
import pathlib

from mnist_sum_tf import atomic_files
from mnist_sum_tf.benchmarks.timing import Measurement
from mnist_sum_tf.user_errors import UserError

HEADER = ("", "median", "middle half", "unit", "ratio", "rounds")


def format_section(title: str, measurements: list[Measurement]) -> str:
    """A section's table: its groups one after another."""
    rows, group = [HEADER], None
    for each in measurements:
        if each.group != group:
            group = each.group
            rows.append((group,) + ("",) * (len(HEADER) - 1))
        rows.append(_row(each))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join(
            cell.ljust(width) if i in (0, 3) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([title, *lines])


def _row(each: Measurement) -> tuple[str, ...]:
    spread = f"{_number(each.lower)} – {_number(each.upper)}"
    return (
        f"  {each.name}",
        _number(each.median),
        spread if each.rounds else "",
        each.unit,
        "" if each.ratio is None else f"{each.ratio:.2f}",
        str(each.rounds) if each.rounds else "",
    )


def _number(value: float) -> str:
    """Formats three significant digits, without an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def write_report(path, machine: dict, sections: dict[str, list[Measurement]]) -> None:
    """Writes all as JSON, whole or not at all.

    Raises:
        UserError: if the file cannot be written.
    """
    report = {
        "machine": machine,
        "sections": {
            name: [dataclasses.asdict(each) for each in measurements]
            for name, measurements in sections.items()
        },
    }
    try:
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        atomic_files.write_atomically(path, json.dumps(report, indent=2) + "\n")
    except (OSError, ValueError) as error:  # ValueError: "." names no file
        raise _unwritable(error) from error


def check_writable(path) -> None:
    """Raises `UserError` where a report could not be written after all the work."""
    try:
        atomic_files.check_writable(pathlib.Path(path).parent)
        atomic_files.place_of_file(path)
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: Exception) -> UserError:
    return UserError(f"--output must be a file that can be written. Received: {error}")
