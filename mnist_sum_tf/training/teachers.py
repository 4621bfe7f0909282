"""The encoder's training targets: labels, or a teacher model's outputs."""

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import digest_of
from mnist_sum_tf.models.encoder import build_encoder, channels_of
from mnist_sum_tf.training import losses
from mnist_sum_tf.training.initial_weights import encoder_of


class Teacher:
    """An encoder's loss, with its teacher model if there is one.

    Attributes:
        digest: of the teacher's weights, which must match to resume; `None` where
            labels teach.
    """

    def __init__(self, settings: config.Config):
        """Args: settings of the run, see `config.Config.teacher`.

        Raises:
            UserError: if the teacher is no exported model.
        """
        self._read = self._encoder = self.digest = None
        if settings.teacher:
            self._read = encoder_of(settings.teacher, "teacher")
            self.digest = digest_of(*self._read.get_weights())

    def build(self, dtype) -> None:
        """Rebuilds the teacher within the current strategy scope.

        Args:
            dtype: Keras dtype policy that it computes by.
        """
        if self._read is not None:
            self._encoder = build_encoder(
                block_channels=channels_of(self._read), dtype=dtype
            )
            self._encoder.set_weights(self._read.get_weights())

    def loss(self, labels, digit_logits) -> tf.Tensor:
        """Cross-entropy in nats, float32 `[n]`.

        A teacher's answers are taken at temperature 1 (Hinton, Vinyals and Dean,
        "Distilling the knowledge in a neural network", 2015).

        Args:
            labels: `"digits"`, int32 `[n, 4]`; in their place where there are any
                `"digit_targets"`, float32 `[n, 4, 10]`; and for a teacher `"clean"`,
                uint8 `[n, 40, 168, 1]`, what it is shown.
            digit_logits: float32 `[n, 4, 10]`.

        Raises:
            RuntimeError: if there is a teacher, but `build` was not called.
        """
        if self._read is not None:
            if self._encoder is None:
                raise RuntimeError("Teacher.build must be called before its loss.")
            targets = tf.nn.softmax(self._encoder(labels["clean"], training=False))
            return losses.target_cross_entropy(targets, digit_logits)
        if "digit_targets" in labels:
            return losses.target_cross_entropy(labels["digit_targets"], digit_logits)
        return losses.digit_cross_entropy(labels["digits"], digit_logits)
