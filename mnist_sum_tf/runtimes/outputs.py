"""What an exported model answers, in every format and from every server."""

from typing import NamedTuple

import numpy as np

from mnist_sum_tf.config import NUM_CLASSES, NUM_DIGITS, NUM_SUMS


class Output(NamedTuple):
    """An output for one image.

    Attributes:
        dtype: of its values.
        shape: without the batch.
        largest: upper bound of values from 0; `None` where there is none.
    """

    dtype: type
    shape: tuple[int, ...]
    largest: int | None


OUTPUTS = {
    "digits": Output(np.int32, (NUM_DIGITS,), NUM_CLASSES - 1),
    "digit_probabilities": Output(np.float32, (NUM_DIGITS, NUM_CLASSES), 1),
    "sum": Output(np.float32, (), None),
    "sum_probabilities": Output(np.float32, (NUM_SUMS,), 1),
    "most_likely_sum": Output(np.int32, (), NUM_SUMS - 1),
}
