"""A few validation images with what was read in them, for TensorBoard."""

import collections
import pathlib
import re

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.reports.contact_sheets import addition, draw_contact_sheet
from mnist_sum_tf.user_errors import UserError

FOLDER = "tensorboard/images"
NUM_IMAGES = 8
STEP = re.compile(r"\.step(\d+)$")


class SampleImages:
    """Event files in `<stage>/tensorboard/images/`, one per evaluation.

    Each file is written and closed at once, so a resumed run only has to remove
    those of steps that it will repeat.
    """

    def __init__(self, stage_dir, validation_data: dict, last_step: int):
        """Keeps the first images of each data set; removes later steps' files.

        Args:
            stage_dir: the stage's folder.
            validation_data: name -> data set; those without images are skipped.
            last_step: the step that the run goes on from.

        Raises:
            UserError: if the folder cannot be written.
        """
        self._directory = pathlib.Path(stage_dir) / FOLDER
        self._samples = {
            name: _first_images(dataset)
            for name, dataset in validation_data.items()
            if dataset.element_spec[0].shape[1:] == config.IMAGE_SHAPE
        }
        try:
            self._remove(lambda step: step > last_step)
        except OSError as error:
            raise UserError(
                f"{self._directory} must be a folder that can be written. "
                f"Received: {error}"
            ) from error

    def _remove(self, unwanted) -> None:
        for path in self._directory.glob("events.out.tfevents.*"):
            found = STEP.search(path.name)
            if found and unwanted(int(found[1])):
                path.unlink()

    def add(self, step: int, model) -> None:
        """Writes what a model reads at a step.

        Args:
            step: the step.
            model: see `metrics.evaluation_model`.

        Raises:
            OSError: if the folder cannot be written; or an error of TensorFlow.
        """
        if not self._samples:
            return
        self._remove(lambda other: other == step)
        writer = tf.summary.create_file_writer(
            str(self._directory), filename_suffix=f".step{step}"
        )
        with writer.as_default(step=step):
            for name, (images, labels) in self._samples.items():
                outputs = model(images, training=False)
                sheet = draw_contact_sheet(images, captions(labels, outputs))
                tf.summary.image(name, np.asarray(sheet)[np.newaxis])
        writer.close()


def _first_images(dataset):
    """The first images, uint8 `[n, 40, 168, 1]`, and their labels."""
    batches = iter(dataset)
    images, labels = next(batches)
    # A dataset's cache is only kept if it is read to the end.
    collections.deque(batches, maxlen=0)
    labels = {name: v[:NUM_IMAGES].numpy() for name, v in labels.items()}
    return images[:NUM_IMAGES].numpy(), labels


def captions(labels: dict, outputs: dict) -> list[str]:
    """What was read in each image and what is true.

    Args:
        labels: `"sum"` `[n]` and, where known, `"digits"` `[n, 4]`.
        outputs: `"sum_probabilities"` `[n, 37]` and, where evaluated,
            `"digit_probabilities"` `[n, 4, 10]`.
    """
    probabilities = np.asarray(outputs["sum_probabilities"])
    read = probabilities.argmax(-1)
    sure = probabilities.max(-1)
    unknown = [None] * len(read)
    digits = outputs.get("digit_probabilities")
    digits = unknown if digits is None else np.asarray(digits).argmax(-1)
    true_digits = labels.get("digits", unknown)
    return [
        f"read {addition(digits[row], read[row])}, {sure[row]:.0%}\n"
        f"{'true' if read[row] == total else 'WRONG: true'} "
        f"{addition(true_digits[row], total)}"
        for row, total in enumerate(labels["sum"])
    ]
