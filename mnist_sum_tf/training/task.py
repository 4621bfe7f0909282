"""What a stage of training learns."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from mnist_sum_tf.training.stage_folder import DIGESTS


@dataclasses.dataclass(frozen=True)
class Task:
    """What a stage learns.

    Attributes:
        build_model: dtype policy -> the model that learns, from its starting
            weights.
        build_evaluated: that model -> one with a dictionary of named outputs.
        evaluated_outputs: the outputs that validation evaluates, keys of
            `metrics.METRICS`.
        loss: (labels, model outputs) -> float32 `[n]`.
        train_data: start step, and `total_steps` if other than the settings' ->
            `tf.data.Dataset` of one batch per step.
        validation_data: name -> dataset, each evaluated as a whole.
        learning_variables: the model -> its variables that learn.
        data_digest: of the training examples; a run only resumes on the
            same.
        digits_digest: of their digits, where images are a person's own and their
            digits are learned from.
        teacher_digest: of the teacher's weights; `None` where labels teach.
    """

    build_model: Callable[[str], keras.Model]
    build_evaluated: Callable[[keras.Model], keras.Model]
    evaluated_outputs: tuple[str, ...]
    loss: Callable
    train_data: Callable[..., tf.data.Dataset]
    validation_data: dict[str, tf.data.Dataset]
    learning_variables: Callable = lambda model: model.trainable_variables
    data_digest: str = ""
    digits_digest: str | None = None
    teacher_digest: str | None = None

    @property
    def digests(self) -> dict[str, str]:
        """The digests that are set, by name, to store with the settings."""
        found = {name: getattr(self, name) for name in DIGESTS}
        return {name: value for name, value in found.items() if value is not None}
