"""Accuracy lost by quantization, on images of unseen digits."""

import dataclasses

import keras
import numpy as np

from mnist_sum_tf import answers
from mnist_sum_tf.progress import progress_bar
from mnist_sum_tf.runtimes.keras_model import as_keras_model
from mnist_sum_tf.runtimes.loading import Reader
from mnist_sum_tf.user_errors import UserError

LARGEST_LOSS = 0.001  # a share: 0.1 points
ROUNDING = 1e-9  # 1 - 0.999 is a little more than 0.001


@dataclasses.dataclass(frozen=True)
class QuantizationLoss:
    """Shares read right by a model and by its quantized file.

    Attributes:
        num_images: on how many images.
        whole, quantized: by name: `"digits"` (absent where only sums are
            known), `"sums"` (the most likely ones), `"decoder's sums"`.
    """

    num_images: int
    whole: dict[str, float]
    quantized: dict[str, float]

    @property
    def largest(self) -> float:
        """The largest loss of all; negative if everything is read better."""
        return max(self.whole[k] - self.quantized[k] for k in self.whole)

    def __str__(self):
        shares = [
            f"{name} right {self.quantized[name]:.2%} (float32 {share:.2%})"
            for name, share in self.whole.items()
        ]
        return f"On {self.num_images:,} validation images: " + ", ".join(shares)


def measure_loss(
    sum_model: keras.Model, reader: Reader, named_datasets: dict
) -> QuantizationLoss:
    """Compares both models on the same images.

    Args:
        sum_model: see `build_sum_model`.
        reader: the quantized one.
        named_datasets: name -> finite data set of images and labels.

    Raises:
        UserError: if the reader loses more than `LARGEST_LOSS` of anything, and more
            than one image.
    """
    whole = _read(sum_model, named_datasets, "reading in float32")
    quantized = _read(as_keras_model(reader), named_datasets, "reading quantized")
    loss = QuantizationLoss(
        len(whole.sums), shares_right(whole), shares_right(quantized)
    )
    if not loss.largest <= max(LARGEST_LOSS, 1 / loss.num_images) + ROUNDING:
        raise UserError(
            f"A quantized model may lose {LARGEST_LOSS:.1%} of accuracy, or one image, "
            f"at most. Received: {loss}"
        )
    return loss


def _read(model, named_datasets: dict, doing: str) -> answers.Answers:
    shown = progress_bar(named_datasets.items(), doing, leave=False)
    return answers.join(list(answers.collect_all(model, shown).values()))


def shares_right(found: answers.Answers) -> dict[str, float]:
    """The shares that `QuantizationLoss` holds."""
    right = {}
    if found.digits is not None:
        right["digits"] = found.read_digits == found.digits
    right["sums"] = found.read_sums == found.sums
    right["decoder's sums"] = np.round(found.decoder_sums) == found.sums
    return {name: float(np.mean(each)) for name, each in right.items()}
