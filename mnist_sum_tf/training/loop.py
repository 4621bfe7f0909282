"""One training loop for every stage, on one device, many, or many machines."""

import contextlib
import functools
import logging
import pathlib
import time
from collections.abc import Callable

import keras
import tensorflow as tf

from mnist_sum_tf import config, config_check
from mnist_sum_tf.training import (
    batch_statistics,
    checkpoints,
    history,
    interruptions,
    journal,
    metrics,
    precision,
    stage_folder,
    stage_lock,
    steps,
    strategies,
)
from mnist_sum_tf.training.task import Task
from mnist_sum_tf.user_errors import UserError


def train_and_evaluate(
    make_task: Callable[[], Task], settings: config.Config, stage_dir
) -> dict:
    """Trains a stage to its last step, resuming where it stopped.

    Args:
        make_task: builds the task; called once the devices are set up, since
            workers must have connected before TensorFlow does anything else.
        settings: training settings; saved as `config.json` in the folder.
        stage_dir: folder of the stage's checkpoints, history, and TensorBoard's
            scalars and images. Of many machines, only the first one writes
            there; all of them must see it.

    Returns:
        The last row of the history: the loss and the validation results.

    Raises:
        UserError: for settings that cannot be; if the folder holds another
            experiment, is in use, cannot be written, or holds no checkpoint that can
            be read; if the batch does not divide by the replicas, or numbers stop
            being finite.
        MachineLost: if another of many machines is gone.
        TrainingStopped: if SIGTERM or Ctrl-C came; everything is saved.
    """
    config_check.check_settings(settings)
    strategies.set_up_devices(settings.deterministic)
    strategy = strategies.create_strategy(settings.strategy)
    _check(settings, strategy)
    dtype = precision.resolve_precision(settings.precision)
    with contextlib.ExitStack() as stack:
        if strategies.is_chief(strategy):
            stack.enter_context(stage_lock.locked_directory(stage_dir))
            stage_folder.check_goes_on(stage_dir, settings.to_dict())
        stack.enter_context(strategies.tensorflow_errors_reported(strategy, stage_dir))
        stop = stack.enter_context(interruptions.StopRequest())
        task = make_task()
        # After the task, since how many random numbers it draws depends on its files.
        keras.utils.set_random_seed(settings.seed)
        trainer = Trainer(task, settings, stage_dir, strategy, dtype)
        return trainer.run(stop)


def _check(settings: config.Config, strategy) -> None:
    strategies.check_batch_size(
        settings.global_batch_size, strategy.num_replicas_in_sync
    )
    learns_normalized = (
        settings.model.normalized and settings.stage in config.IMAGE_STAGES
    )
    if settings.global_batch_size == 1 and learns_normalized:
        raise UserError(
            "--global_batch_size must be at least 2 with batch normalisation "
            "(--nonormalized trains without): one image is its own mean. Received: 1"
        )
    if _stops_early(settings) and strategies.num_workers(strategy) > 1:
        raise UserError(
            "Training with --stop_at_accuracy must run on one machine. "
            f"Received: --strategy={settings.strategy}"
        )


def _stops_early(settings: config.Config) -> bool:
    """Whether `stop_at_accuracy` is set to a value that can be reached."""
    return settings.stop_at_accuracy is not None and settings.stop_at_accuracy <= 1


class Trainer:
    """Takes the steps of a run, and after some of them logs, evaluates, saves."""

    def __init__(self, task, settings, stage_dir, strategy, dtype):
        self.started = time.monotonic()
        self.task = task
        self.settings = settings
        self.stage_dir = pathlib.Path(stage_dir)
        self.strategy = strategy
        self.is_chief = strategies.is_chief(strategy)
        kept = settings.to_dict() | task.digests
        strategies.check_same_settings(strategy, kept)
        self.state = steps.TrainingState(task, settings, strategy, dtype)
        before = kept
        if self.is_chief:
            before = stage_folder.settings_before(stage_dir, kept)
        self.training_step = steps.TrainingStep(
            self.state, task.loss, settings, strategy
        )
        # A new run composes its first batches twice, so the pipeline is cached.
        self.train_data = functools.cache(task.train_data)
        self.statistics = batch_statistics.BatchStatistics(
            self.state.average, self.train_data
        )
        self.evaluated = metrics.evaluation_model(
            task.build_evaluated(self.state.average), task.evaluated_outputs
        )
        self.checkpoints = checkpoints.CheckpointFolder(
            self.state.checkpoint(kept), stage_dir, kept
        )
        self._restore(before.get("checkpoint_every_steps"))
        # After all that may refuse these settings, so that none such claim the folder.
        if self.is_chief:
            stage_folder.claim_directory(stage_dir, kept)

    def _restore(self, saved_every_steps) -> None:
        path = self.checkpoints.restore_latest()
        if path:
            logging.info("resuming from %s", path)
        else:
            stage_folder.check_nothing_lost(self.stage_dir, saved_every_steps)
            if self.is_chief:  # Else, interrupted again, it would look like a loss.
                history.remove_history(self.stage_dir)
        if not strategies.workers_agree(self.strategy, self.state.step):
            raise UserError(
                "--workdir must be one folder that all machines of TF_CONFIG "
                f"see, with the same checkpoints. Received: {self.stage_dir}, "
                f"which is at step {self.state.step} here alone"
            )

    def run(self, stop: interruptions.StopRequest) -> dict:
        """Takes the remaining steps, or those until a stop is requested."""
        settings = self.settings
        first, last = self.state.step, settings.total_steps
        if first >= last:
            logging.info("at step %d already, of --total_steps=%d", first, last)
        with journal.Journal(
            self.task,
            settings,
            self.stage_dir,
            self.checkpoints,
            first,
            self.is_chief,
            self.started,
        ) as self.journal:
            batches = iter(self._batches(first))
            for step in range(first + 1, last + 1):
                if self._reached_goal():
                    self.journal.tell(
                        f"goal reached at step {self.state.step}: "
                        f"{settings.stop_at_accuracy:.1%} of validation sums right"
                    )
                    break
                stops = self._take_step(batches, stop) and step < last
                self._after_step(step, stops)
                if stops and not self._reached_goal():
                    self._stop(step, stop.signal_name)
            # The others wait until the first one has evaluated and saved.
            strategies.workers_agree(self.strategy, 0)
        rows = self.journal.history.rows
        return rows[-1] if rows else {}

    def _reached_goal(self) -> bool:
        """Whether the last evaluation found every validation set read well enough."""
        return _stops_early(self.settings) and self.journal.history.reaches(
            self.settings.stop_at_accuracy
        )

    def _batches(self, first: int):
        return strategies.distribute(
            self.strategy,
            self.train_data(first),
            self.settings.global_batch_size,
        )

    def _take_step(self, batches, stop) -> bool:
        """Takes a step; returns whether the run should stop after it."""
        asked = tf.constant(stop.signal_name is not None)
        votes = self.training_step.take(*next(batches), asked)
        self.journal.advance()
        if strategies.num_workers(self.strategy) == 1:
            return stop.signal_name is not None  # without waiting for a GPU
        # All machines must stop after the same step.
        return bool(votes)

    def _after_step(self, step: int, stops: bool) -> None:
        settings = self.settings
        last = step == settings.total_steps
        logs = last or step % settings.log_every_steps == 0
        evaluates = last or step % settings.evaluate_every_steps == 0
        saves = last or stops or step % settings.checkpoint_every_steps == 0
        if logs or evaluates or saves:
            self._check_finite()
        if logs:
            self.journal.log(step, self.state)
        if evaluates or saves:
            self.statistics.update()
        if evaluates and self.is_chief:
            self.journal.evaluate(step, self.evaluated)
            if self._reached_goal():
                saves = True
                if not logs:
                    self.journal.log(step, self.state)
        if saves and self.is_chief:
            self._save(step)

    def _save(self, step: int) -> None:
        # The history first: a checkpoint must find its rows.
        self.journal.save()
        self.checkpoints.save(step)

    def _check_finite(self) -> None:
        skipped = int(self.state.skipped)
        if skipped <= self.settings.skip_non_finite:
            return
        latest = self.checkpoints.latest
        advice, found = "", "there is no good checkpoint yet"
        if latest:
            advice = f", or go on here with --skip_non_finite={skipped} or more"
            found = f"the last good checkpoint is {latest}"
        raise UserError(
            "Loss and gradient must stay finite; take a lower --learning_rate in "
            f"another --workdir{advice}. Received: {skipped} that were not, the last "
            f"at step {int(self.state.last_skipped)}; {found}"
        )

    def _stop(self, step: int, signal_name: str | None) -> None:
        strategies.workers_agree(self.strategy, 0)
        raise interruptions.TrainingStopped(
            f"stopped by {signal_name or 'a signal to another machine'} after "
            f"step {step} of {self.settings.total_steps}, which is saved in "
            f"{self.stage_dir}; the same command goes on from there"
        )
