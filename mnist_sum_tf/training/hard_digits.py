"""Digits that a model reads badly, to be met more often while it learns on.

Most of the loss of a trained model is that of few digits, which it meets as
seldom as all others: Shrivastava et al., "Training region-based object detectors
with online hard example mining" (2016). Here they are found once, at the start.
"""

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf.data import datasets
from mnist_sum_tf.data.digits import Digits

HARD_FRACTION = 1 / 20  # of all digits: those of the largest loss
LAYOUTS = ("tiled", "scattered", "separate")  # little overlaps
BATCH_SIZE = 250
SEED = 0
# Surer than this of another class: the label is likelier to be wrong.
MISLABELLED = 0.9


def emphasise_hard_digits(
    digits: Digits, encoder: keras.Model, hard_share: float
) -> Digits:
    """Repeats the hardest digits, so that drawing meets them more often.

    Args:
        digits: at least twenty.
        encoder: images to logits; says what is hard.
        hard_share: about how many of the digits returned are hard, in [0, 1).

    Returns:
        `digits`, and after them the twentieth of the largest loss as often as
        that takes. Those that look mislabelled or were not read are not among these.
    """
    probabilities = read_digits(digits, encoder)
    labels = digits.labels.astype(np.int32)
    own = probabilities[np.arange(len(labels)), labels]
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = 0
    is_left_out = (others.max(axis=1) > MISLABELLED) | ~probabilities.any(axis=1)
    hardness = np.where(is_left_out, -1, 1 - own)
    num_hard = int(len(labels) * HARD_FRACTION)
    hardest = np.sort(np.argsort(-hardness, kind="stable")[:num_hard])
    # r more of each: (1 + r) hard / (all + r hard) = share.
    repeats = (hard_share / HARD_FRACTION - 1) / (1 - hard_share)
    rows = np.concatenate(
        [np.arange(len(labels)), np.tile(hardest, max(0, round(repeats)))]
    )
    return Digits(digits.images[rows], digits.labels[rows])


def read_digits(digits: Digits, encoder: keras.Model) -> np.ndarray:
    """What an encoder takes each digit for, on average over `LAYOUTS`.

    Args:
        digits: `n` digits.
        encoder: images, uint8 `[batch, 40, 168, 1]`, to logits `[batch, 4, 10]`.

    Returns:
        Mean probabilities, float32 `[n, 10]`; zeros for a rest of up to three
        digits that make no composite.
    """
    # Numbers in place of labels tell which digit of a composite is which.
    numbered = Digits(digits.images, np.arange(len(digits.images), dtype=np.int32))
    read = tf.function(lambda images: tf.nn.softmax(encoder(images, training=False)))
    sums = np.zeros([len(digits.images), encoder.output_shape[-1]], np.float32)
    counts = np.zeros([len(digits.images), 1], np.float32)
    for layout in LAYOUTS:
        composites = datasets.evaluation_dataset(numbered, layout, SEED, BATCH_SIZE)
        for images, labels in composites:
            sums[labels["digits"].numpy()] += read(images).numpy()
            counts[labels["digits"].numpy()] += 1
    return sums / np.maximum(counts, 1)
