"""Reports a run's progress: progress bar, printed lines and records."""

import contextlib
import time

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.progress import progress_bar
from mnist_sum_tf.training import checkpoints, metrics, records
from mnist_sum_tf.training.task import Task


class Journal(contextlib.ExitStack):
    """Reports a run's steps; a context manager, to be closed at the run's end.

    Attributes:
        history: see `records.Records`.
    """

    def __init__(
        self,
        task: Task,
        settings: config.Config,
        stage_dir,
        saved: checkpoints.CheckpointFolder,
        step: int,
        writes: bool,
        started: float,
    ):
        """Continues the records that a run left at `step`.

        Args:
            task: what is learned.
            settings: the training settings.
            stage_dir: the stage's folder.
            saved: the run's checkpoints, the newest of which is named where the
                folder cannot be written.
            step: the step that the run goes on from.
            writes: whether this machine is the one that prints and writes.
            started: when the run began, by `time.monotonic`, in seconds.

        Raises:
            UserError: if the history cannot be read or the folder be written.
        """
        super().__init__()
        self._started = started
        self._task = task
        self._settings = settings
        self._stage_dir = stage_dir
        self._saved = saved
        self._records = records.Records(stage_dir, task.validation_data, step, writes)
        self.callback(self._records.close)
        self.history = self._records.history
        # After the records, so that their errors are printed without a bar.
        self._bar = self.enter_context(self._progress_bar(step, writes))

    def _progress_bar(self, step: int, writes: bool):
        return progress_bar(
            initial=step,
            total=self._settings.total_steps,
            unit="step",
            desc=self._settings.stage,
            disable=not writes,
        )

    def advance(self) -> None:
        """Advances the progress bar by one step."""
        self._bar.update()

    def tell(self, line: str) -> None:
        """Prints a line above the progress bar."""
        self._bar.write(line)

    def log(self, step: int, state) -> None:
        """Records the mean loss since the last call, and the learning rate.

        Args:
            step: the step just taken.
            state: see `steps.TrainingState`; its mean begins anew.

        Raises:
            UserError: if the folder cannot be written.
        """
        row = {"step": step}
        metric = state.loss_metric
        if float(metric.count):  # If all steps were skipped, there is no mean.
            row["loss"] = float(metric.result())
            self._bar.set_postfix(loss=f"{row['loss']:.4g}", refresh=False)
        row["learning_rate"] = float(state.optimizer.learning_rate)
        if self._settings.skip_non_finite:
            row["skipped_steps"] = int(state.skipped)
        metric.reset_state()
        with self._failed_saves_reported():
            self._records.add(row)

    def evaluate(self, step: int, model) -> None:
        """Evaluates a model on the validation data; records metrics and sample images.

        Args:
            step: the step just taken.
            model: see `metrics.evaluation_model`.

        Raises: as `log`.
        """
        row = {"step": step}
        for name, dataset in self._task.validation_data.items():
            results = metrics.evaluate(model, dataset, self._task.evaluated_outputs)
            row |= {f"{name}/{key}": value for key, value in results.items()}
            shown = ", ".join(f"{k} {v:.5g}" for k, v in results.items())
            self.tell(f"step {step}, {name}: {shown}")
        with self._failed_saves_reported():
            self._records.add(row)
            self._records.add_images(step, model)
        minutes = (time.monotonic() - self._started) / 60
        seen = step * self._settings.global_batch_size
        kind = "examples" if self._settings.stage == "decoder" else "images"
        self.tell(
            f"step {step}: {minutes:.2f} minutes of this run, {seen:,} {kind} seen"
        )

    def save(self) -> None:
        """Writes the records. Raises: as `log`."""
        with self._failed_saves_reported():
            self._records.save()

    @contextlib.contextmanager
    def _failed_saves_reported(self):
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            raise checkpoints.cannot_write(
                self._stage_dir, self._saved.latest, error
            ) from error
