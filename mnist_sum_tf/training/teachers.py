"""What the encoder is taught by: labels, or what another model says."""

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.training import losses
from mnist_sum_tf.training.initial_weights import (
    set_initial_weights,
    size_of_exported,
)


class Teacher:
    """The loss of an encoder, with the model that it asks where there is one."""

    def __init__(self, settings: config.Config):
        """Args: settings of the run, see `config.Config.teacher`."""
        self._path = settings.teacher
        self._encoder = None

    def build(self, dtype) -> None:
        """Loads the model, where devices are chosen.

        Args:
            dtype: Keras dtype policy that it computes by.

        Raises:
            UserError: if it is no exported model.
        """
        if self._path:
            size = size_of_exported(config.ModelConfig(), self._path, "teacher")
            self._encoder = build_encoder(block_channels=size.channels, dtype=dtype)
            set_initial_weights(self._encoder, self._path, "teacher")

    def loss(self, labels, digit_logits) -> tf.Tensor:
        """Cross-entropy in nats, float32 `[n]`.

        Args:
            labels: `"digits"`, int32 `[n, 4]`, or `"unworn"`, uint8
                `[n, 40, 168, 1]`, what a teacher is shown.
            digit_logits: float32 `[n, 4, 10]`.
        """
        if not self._path:
            return losses.digit_cross_entropy(labels["digits"], digit_logits)
        said = self._encoder(labels["unworn"], training=False)
        return losses.taught_cross_entropy(said, digit_logits)
