"""Digits that a model reads badly, to be met more often while it learns on.

Most of the loss of a trained model is that of few digits, which it meets as
seldom as all others: Shrivastava et al., "Training region-based object detectors
with online hard example mining" (2016). Here they are found once, at the start, and
kept beside the checkpoints: what a run goes on with must not hang on how another
machine rounds.
"""

import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import datasets
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.training.history import write_once

ROWS_FILE = "hard_digits.json"
HARD_FRACTION = 1 / 20  # of all digits: those of the largest loss
LAYOUTS = ("tiled", "separate", "cropped")  # nothing overlaps
BATCH_SIZE = 250
# Surer than this of another class: the label is likelier to be wrong.
MISLABELLED = 0.9


def kept_hardest_digits(stage_dir, digits: Digits, build_encoder) -> np.ndarray:
    """The hardest digits as the run's folder has them; found where it does not.

    Of many machines that find some at once, the first to write decides.

    Args:
        stage_dir: the stage's folder.
        digits: at least twenty.
        build_encoder: () -> the encoder that says what is hard.

    Returns:
        See `hardest_digits`.

    Raises:
        UserError: if the folder cannot be written, or holds other rows.
    """
    path = pathlib.Path(stage_dir) / ROWS_FILE
    if not path.exists():
        rows = hardest_digits(digits, build_encoder())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_once(path, json.dumps(rows.tolist()) + "\n")
        except OSError as error:
            raise config.UserError(
                f"--workdir must be a folder that can be written. Received: {error}"
            ) from error
    return _read_rows(path, len(digits.labels))


def _read_rows(path: pathlib.Path, num_digits: int) -> np.ndarray:
    try:
        rows = np.array(json.loads(path.read_text(encoding="utf-8")))
        if rows.ndim != 1 or rows.dtype.kind != "i" or not rows.size:
            raise ValueError(f"{rows.dtype} {list(rows.shape)}")
        if rows.min() < 0 or rows.max() >= num_digits:
            raise ValueError(f"{rows.min()} to {rows.max()}")
    except (OSError, ValueError, RecursionError) as error:
        raise config.UserError(
            f"{path} must be a list of numbers of digits, each below {num_digits}. "
            f"Received: {error}"
        ) from error
    return rows


def hardest_digits(digits: Digits, encoder: keras.Model) -> np.ndarray:
    """The twentieth of the largest loss, but those that look mislabelled.

    Args:
        digits: at least twenty.
        encoder: images to logits; says what is hard.

    Returns:
        Row numbers, ascending. Digits that were not read are not among them.
    """
    probabilities = read_digits(digits, encoder)
    labels = digits.labels.astype(np.int32)
    own = probabilities[np.arange(len(labels)), labels]
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = 0
    is_left_out = (others.max(axis=1) > MISLABELLED) | ~probabilities.any(axis=1)
    hardness = np.where(is_left_out, -1, 1 - own)
    num_hard = int(len(labels) * HARD_FRACTION)
    return np.sort(np.argsort(-hardness, kind="stable")[:num_hard])


def with_repeats(digits: Digits, hardest: np.ndarray, hard_share: float) -> Digits:
    """Repeats the hardest digits, so that drawing meets them more often.

    Args:
        digits: all of them.
        hardest: see `hardest_digits`.
        hard_share: about how many of the digits returned are hard, 0.1 to 0.5.

    Returns:
        `digits`, and after them the hardest as often as that takes.
    """
    # r more of each: (1 + r) hard / (all + r hard) = share.
    repeats = round((hard_share / HARD_FRACTION - 1) / (1 - hard_share))
    rows = np.concatenate([np.arange(len(digits.labels)), np.tile(hardest, repeats)])
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
    for seed, layout in enumerate(LAYOUTS):  # other neighbours in each
        composites = datasets.evaluation_dataset(numbered, layout, seed, BATCH_SIZE)
        for images, labels in composites:
            sums[labels["digits"].numpy()] += read(images).numpy()
            counts[labels["digits"].numpy()] += 1
    return sums / np.maximum(counts, 1)
