"""The encoder's training targets: labels, or the outputs of teacher models."""

import os

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import digest_of
from mnist_sum_tf.models.encoder import build_encoder, channels_of
from mnist_sum_tf.training import losses
from mnist_sum_tf.training.initial_weights import encoder_of
from mnist_sum_tf.user_errors import UserError


class Teachers:
    """An encoder's loss, with its teacher models if there are any.

    Attributes:
        digest: of the teachers' weights, which must match to resume; `None` where
            labels teach.
    """

    def __init__(self, settings: config.Config):
        """Args: settings of the run, see `config.Config.teacher`.

        Raises:
            UserError: if a teacher is no exported model.
        """
        paths = _paths(settings.teacher) if settings.teacher else []
        self._read = [encoder_of(path, "teacher") for path in paths]
        self._encoders = None
        weights = [each for encoder in self._read for each in encoder.get_weights()]
        self.digest = digest_of(*weights) if weights else None

    def build(self, dtype) -> None:
        """Rebuilds the teachers within the current strategy scope.

        Args:
            dtype: Keras dtype policy that they compute by.
        """
        self._encoders = [_copy(encoder, dtype) for encoder in self._read]

    def loss(self, labels, digit_logits) -> tf.Tensor:
        """Cross-entropy in nats, float32 `[n]`.

        Teachers' probabilities are taken at temperature 1, and their mean is learned
        (Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network",
        2015).

        Args:
            labels: `"digits"`, int32 `[n, 4]`; in their place where there are any
                `"digit_targets"`, float32 `[n, 4, 10]`; and for teachers `"clean"`,
                uint8 `[n, 40, 168, 1]`, what they are shown.
            digit_logits: float32 `[n, 4, 10]`.

        Raises:
            RuntimeError: if there are teachers, but `build` was not called.
        """
        if self._read:
            targets = self._mean_probabilities(labels["clean"])
            return losses.target_cross_entropy(targets, digit_logits)
        if "digit_targets" in labels:
            return losses.target_cross_entropy(labels["digit_targets"], digit_logits)
        return losses.digit_cross_entropy(labels["digits"], digit_logits)

    def _mean_probabilities(self, images) -> tf.Tensor:
        """Of the teachers, float32 `[n, 4, 10]`."""
        if self._encoders is None:
            raise RuntimeError("Teachers.build must be called before their loss.")
        logits = tf.stack(
            [encoder(images, training=False) for encoder in self._encoders]
        )
        return tf.reduce_mean(tf.nn.softmax(logits), axis=0)


def _paths(teacher) -> list[str]:
    """One path, which may have commas in it, or several with commas between."""
    text = os.fspath(teacher)
    paths = [text] if os.path.exists(text) else [p.strip() for p in text.split(",")]
    if not all(paths):
        raise UserError(
            "--teacher must be a path, or several with commas between. "
            f"Received: {text!r}"
        )
    return paths


def _copy(encoder, dtype):
    copied = build_encoder(block_channels=channels_of(encoder), dtype=dtype)
    copied.set_weights(encoder.get_weights())
    return copied
