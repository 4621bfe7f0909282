"""The history as TensorBoard shows it."""

import logging
import pathlib

import tensorflow as tf

from mnist_sum_tf.user_errors import UserError, first_line


class Scalars:
    """Event files in `<stage>/tensorboard/`.

    They are written anew from the history when a run resumes, since event
    files only grow: steps taken twice would be shown twice.
    """

    def __init__(self, stage_dir, rows: list[dict]):
        """Writes the rows of the history so far.

        Raises:
            UserError: if the folder cannot be written.
        """
        directory = pathlib.Path(stage_dir) / "tensorboard"
        try:
            for old in directory.glob("events.out.tfevents.*"):
                old.unlink()
            self._writer = tf.summary.create_file_writer(str(directory))
            for row in rows:
                self.add(row)
        except (OSError, tf.errors.OpError) as error:
            raise UserError(
                f"{directory} must be a folder that can be written. "
                f"Received: {first_line(error)}"
            ) from error

    def add(self, row: dict) -> None:
        """Adds a row of the history.

        Raises:
            tf.errors.OpError: if it, or one before it, cannot be written.
        """
        with self._writer.as_default(step=row["step"]):
            for name, value in row.items():
                if name != "step":
                    tf.summary.scalar(name, value)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        """Flushes and closes; if that fails, a resumed run rewrites the file."""
        try:
            self._writer.close()
        except (OSError, tf.errors.OpError) as error:
            logging.debug("TensorBoard's file is incomplete: %s", error)
