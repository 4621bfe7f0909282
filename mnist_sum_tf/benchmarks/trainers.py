"""The real training step, outside the training loop."""

import dataclasses
import functools

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.training import stages, steps, strategies


class BenchedTrainer:
    """An encoder that learns from composites of `mixed`.

    Normalised as by default, or with plain layers, as PyTorch's twin has.

    Attributes:
        state: see `TrainingState`.
        batch: one batch, to be learned from again and again.
    """

    def __init__(self, base_channels, precision, batch_size, normalized=True):
        settings = dataclasses.replace(
            get_preset("compact", "encoder"),
            global_batch_size=batch_size,
            precision=precision,
            model=config.ModelConfig(
                base_channels=base_channels, normalized=normalized
            ),
        )
        task = stages.encoder_task(settings)
        strategy = strategies.create_strategy("one_device")
        self.state = steps.TrainingState(task, settings, strategy, precision)
        self._step = steps.TrainingStep(self.state, task.loss, settings, strategy)
        self._batches = functools.partial(
            strategies.distribute, strategy, task.train_data(0), batch_size
        )
        self.batch = next(self.batches())

    def batches(self):
        """An iterator over the real pipeline."""
        return iter(self._batches())

    def take_step(self, batch=None) -> None:
        """Learns from a batch, by default `batch`; returns when it is done."""
        stops = self._step.take(*(batch or self.batch), tf.constant(False))
        stops.numpy()


@functools.lru_cache(maxsize=4)
def trainer(
    base_channels: int, precision: str, batch_size: int, normalized: bool = True
) -> BenchedTrainer:
    """The last few are kept: compiling a step takes seconds."""
    return BenchedTrainer(base_channels, precision, batch_size, normalized)
