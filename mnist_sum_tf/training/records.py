"""A run's records: its history, and TensorBoard's scalars and images."""

from mnist_sum_tf.training.history import History
from mnist_sum_tf.training.sample_images import SampleImages
from mnist_sum_tf.training.scalars import Scalars


class Records:
    """The history of a run with TensorBoard's scalars and images beside it.

    Of many machines each keeps the history in memory; only one writes.

    Attributes:
        history: see `History`.
    """

    def __init__(self, stage_dir, validation_data: dict, step: int, writes: bool):
        """Continues the records that a run left at `step`; drops later ones.

        Args:
            stage_dir: the stage's folder.
            validation_data: name -> data set, see `SampleImages`.
            step: the step that the run goes on from.
            writes: whether this machine is the one that writes.

        Raises:
            UserError: if the history cannot be read or the folder be written.
        """
        self.history = History(stage_dir, step)
        self._writes = writes
        if writes:
            self._images = SampleImages(stage_dir, validation_data, step)
            self._scalars = Scalars(stage_dir, self.history.rows)

    def add(self, row: dict) -> None:
        """Adds the values of the step given by the key `step`.

        Raises: as `save`.
        """
        self.history.add(row)
        if self._writes:
            self._scalars.add(row)

    def add_images(self, step: int, model) -> None:
        """Shows what a model reads; see `SampleImages.add` for what it raises."""
        if self._writes:
            self._images.add(step, model)

    def save(self) -> None:
        """Writes all rows.

        Raises:
            OSError: if the folder cannot be written; or an error of TensorFlow.
        """
        if self._writes:
            self.history.save()
            self._scalars.flush()

    def close(self) -> None:
        if self._writes:
            self._scalars.close()
