"""One training loop for every stage, on one device, many, or many machines."""

import dataclasses
import logging
import math
import pathlib
import sys
from typing import Callable

import keras
import tensorflow as tf
import tqdm

from mnist_sum_tf import config
from mnist_sum_tf.training import checkpoints, metrics, optimizers, strategies
from mnist_sum_tf.training.history import History

LOG_SECONDS = 10  # between two progress lines where nobody watches a terminal


@dataclasses.dataclass(frozen=True)
class Task:
    """What a stage learns.

    Attributes:
        build_model: dtype policy -> the model that learns, from its starting
            weights.
        build_judged: that model -> one with a dictionary of named outputs.
        judged_outputs: the outputs that validation judges, keys of
            `metrics.METRICS`.
        loss: (labels, model outputs) -> float32 `[n]`.
        train_data: start step -> `tf.data.Dataset` of one batch per step.
        validation_data: name -> dataset, each evaluated as a whole.
        trains: (model) -> the variables that learn.
    """

    build_model: Callable[[str], keras.Model]
    build_judged: Callable[[keras.Model], keras.Model]
    judged_outputs: tuple[str, ...]
    loss: Callable
    train_data: Callable[[int], tf.data.Dataset]
    validation_data: dict[str, tf.data.Dataset]
    trains: Callable = lambda model: model.trainable_variables


def train_and_evaluate(task: Task, settings: config.Config, stage_dir) -> dict:
    """Trains a stage to its last step, resuming where it stopped.

    Args:
        task: what to learn.
        settings: how; kept as `config.json` in the folder.
        stage_dir: folder of the stage's checkpoints, history and TensorBoard
            scalars.

    Returns:
        The last row of the history: the loss and the validation results.

    Raises:
        UserError: if the folder holds another experiment or the batch does not
            divide by the replicas.
    """
    strategy = strategies.create_strategy(settings.strategy)
    strategies.check_batch_size(
        settings.global_batch_size, strategy.num_replicas_in_sync
    )
    dtype = strategies.resolve_precision(settings.precision)
    checkpoints.claim_directory(stage_dir, settings)
    keras.utils.set_random_seed(settings.seed)
    return Trainer(task, settings, stage_dir, strategy, dtype).run()


class Trainer:
    """The state of a run and the steps that move it."""

    def __init__(self, task, settings, stage_dir, strategy, dtype):
        self.task = task
        self.settings = settings
        self.stage_dir = pathlib.Path(stage_dir)
        self.strategy = strategy
        with strategy.scope():
            self.model = task.build_model(dtype)
            self.variables = task.trains(self.model)
            self.optimizer = optimizers.create_optimizer(settings)
            self.optimizer.build(self.variables)
        self.average = task.build_model(dtype)
        self.average.set_weights(self.model.get_weights())
        self.judged = metrics.judged_model(
            task.build_judged(self.average), task.judged_outputs
        )
        self.loss_metric = keras.metrics.Mean("loss")
        checkpoint = checkpoints.make_checkpoint(
            self.model, self.average, self.optimizer, self.loss_metric
        )
        self.manager = checkpoints.make_manager(
            checkpoint, stage_dir, self.optimizer.iterations.value
        )
        restored = checkpoints.restore_latest(checkpoint, self.manager)
        if restored:
            logging.info("resuming from %s", restored)
        self.history = History(stage_dir, self.step)

    @property
    def step(self) -> int:
        """The number of steps taken."""
        return int(self.optimizer.iterations.numpy())

    def run(self) -> dict:
        """Takes the steps that are left."""
        settings, first = self.settings, self.step
        scalars = tf.summary.create_file_writer(
            str(self.stage_dir / "tensorboard")
        )
        progress = tqdm.tqdm(
            initial=first, total=settings.total_steps, unit="step",
            desc=settings.stage, dynamic_ncols=True,
            mininterval=0.2 if sys.stderr.isatty() else LOG_SECONDS,
        )  # fmt: skip
        with scalars.as_default(), progress:
            batches = iter(self._distributed_data(first))
            for step in range(first + 1, settings.total_steps + 1):
                self._train_step(*next(batches))
                progress.update()
                self._after_step(step, progress)
        return self.history.rows[-1] if self.history.rows else {}

    def _after_step(self, step: int, progress) -> None:
        settings = self.settings
        last = step == settings.total_steps
        if last or step % settings.log_every_steps == 0:
            progress.set_postfix(loss=f"{self._log(step):.4g}")
        if last or step % settings.evaluate_every_steps == 0:
            self._evaluate(step, progress)
        if last or step % settings.checkpoint_every_steps == 0:
            # The history first: a checkpoint must find its rows.
            self.history.save()
            self.manager.save(checkpoint_number=step)

    def _log(self, step: int) -> float:
        loss = float(self.loss_metric.result())
        self.loss_metric.reset_state()
        if not math.isfinite(loss):
            raise config.UserError(
                f"The loss must stay finite; lower --learning_rate. Received: "
                f"{loss} at step {step}; the last good checkpoint is "
                f"{self.manager.latest_checkpoint}"
            )
        rate = float(self.optimizer.learning_rate)
        self.history.add({"step": step, "loss": loss, "learning_rate": rate})
        tf.summary.scalar("loss", loss, step)
        tf.summary.scalar("learning_rate", rate, step)
        return loss

    def _evaluate(self, step: int, progress) -> None:
        row = {"step": step}
        for name, dataset in self.task.validation_data.items():
            results = metrics.evaluate(
                self.judged, dataset, self.task.judged_outputs
            )
            row |= {f"{name}/{key}": value for key, value in results.items()}
            shown = ", ".join(f"{k} {v:.5g}" for k, v in results.items())
            progress.write(f"step {step}, {name}: {shown}")
        self.history.add(row)
        for key, value in row.items():
            tf.summary.scalar(key, value, step)

    def _distributed_data(self, start_step: int):
        """The batches from `start_step` on, each split over all replicas."""
        dataset = self.task.train_data(start_step)
        replicas = self.strategy.num_replicas_in_sync
        if replicas == 1:
            return dataset.prefetch(2)
        size = self.settings.global_batch_size

        def pipeline(context):
            workers = context.num_input_pipelines
            share = dataset.rebatch(size // workers)
            share = share.shard(workers, context.input_pipeline_id)
            return share.rebatch(size // replicas, drop_remainder=True)

        return self.strategy.distribute_datasets_from_function(pipeline)

    @tf.function
    def _train_step(self, images, labels) -> None:
        losses = self.strategy.run(self._replica_step, (images, labels))
        loss = self.strategy.reduce("SUM", losses, axis=None)
        self.loss_metric.update_state(loss)
        self._update_average()

    def _replica_step(self, images, labels):
        """Follows the gradient of the global batch; returns a share of its loss."""
        with tf.GradientTape() as tape:
            outputs = self.model(images, training=True)
            losses = self.task.loss(labels, outputs)
            # Divided by the global batch, so shares add up to its mean.
            loss = tf.reduce_sum(losses) / self.settings.global_batch_size
        gradients = tape.gradient(loss, [v.value for v in self.variables])
        replicas = self.strategy.num_replicas_in_sync
        if replicas > 1:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce("SUM", gradients)
        clip_norm = self.settings.optimizer.gradient_clip_norm
        if clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, clip_norm)
        # The optimizer adds up the replicas' gradients once more.
        gradients = [gradient / replicas for gradient in gradients]
        self.optimizer.apply(gradients, self.variables)
        return loss

    def _update_average(self) -> None:
        decay = self.settings.optimizer.average_decay
        steps = tf.cast(self.optimizer.iterations.value, tf.float32)
        # Short at first, so that the random start is soon forgotten.
        decay = tf.minimum(decay, (1.0 + steps) / (10.0 + steps))
        for average, weight in zip(self.average.weights, self.model.weights):
            value = tf.convert_to_tensor(weight.value)
            mean = value + decay * (average.value - value)
            average.value.assign(mean)
