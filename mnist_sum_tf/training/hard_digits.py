"""Digits that a model reads badly, to be sampled more often in further training.

Most of the loss of a trained model is that of few digits, which it meets as
seldom as all others: Shrivastava et al., "Training region-based object detectors
with online hard example mining" (2016). Here they are found once, at the start, and
kept beside the checkpoints: a resumed run must not depend on how another
machine rounds.
"""

import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.atomic_files import write_if_absent
from mnist_sum_tf.data import datasets
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.training import stage_folder, stage_lock
from mnist_sum_tf.user_errors import UserError

ROWS_FILE = "hard_digits.json"
LEAST_SHARE, MOST_SHARE = 0.1, 0.5  # from each hard digit once more to 18 times
HARD_FRACTION = 1 / 20  # of all digits: those of the largest loss
LAYOUTS = ("tiled", "separate", "cropped")  # nothing overlaps
# Above this probability of another class, the label is probably wrong.
MISLABELLED = 0.9


def check_share(hard_share: float) -> None:
    """Raises `UserError` for a share that repeats next to nothing, or too much."""
    if not LEAST_SHARE <= hard_share <= MOST_SHARE:
        raise UserError(
            f"--hard_share must be 0, or {LEAST_SHARE} to {MOST_SHARE}; all drawn alike, "
            f"a twentieth is hard anyway. Received: {hard_share}"
        )


def kept_hardest_digits(
    stage_dir, experiment: dict, digits: Digits, build_encoder
) -> np.ndarray:
    """The run's hardest digits: read from its folder, or found when it starts.

    If several machines find them at once, the first to write decides.

    Args:
        stage_dir: the stage's folder.
        experiment: what decides which digits are hard, kept beside them.
        digits: at least twenty.
        build_encoder: () -> the encoder that says what is hard.

    Returns:
        See `hardest_digits`.

    Raises:
        UserError: if the folder cannot be written, is another experiment's, or
            lacks the digits that its run began with.
    """
    path = pathlib.Path(stage_dir) / ROWS_FILE
    # Looked at first: a run writes its rows before its settings.
    has_begun = (path.parent / stage_folder.CONFIG_FILE).exists()
    if not path.exists():
        if has_begun:
            raise UserError(
                f"{path} must be there, from when its run began with --hard_share; "
                "take another --workdir. Received: no such file"
            )
        rows = hardest_digits(digits, build_encoder())
        _write_rows(path, experiment | {"rows": rows.tolist()})
    kept = stage_folder.read_settings(path)
    rows = kept.pop("rows", None)
    stage_folder.check_same(path, kept, experiment)
    return _checked(rows, path, len(digits.labels))


def _write_rows(path: pathlib.Path, content: dict) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_if_absent(path, json.dumps(content) + "\n")
    except OSError as error:
        raise stage_lock.unwritable(error) from error


def _checked(rows, path: pathlib.Path, num_digits: int) -> np.ndarray:
    is_whole = isinstance(rows, list) and all(type(row) is int for row in rows)
    if not (is_whole and rows and 0 <= min(rows) and max(rows) < num_digits):
        raise UserError(
            f"{path} must have rows, numbers of digits below {num_digits}. "
            f"Received: {str(rows)[:60]}"
        )
    return np.array(rows)


def hardest_digits(digits: Digits, encoder: keras.Model) -> np.ndarray:
    """The 5 % of digits with the largest loss, without those that look mislabelled.

    Args:
        digits: at least twenty.
        encoder: images to logits; says what is hard.

    Returns:
        Row numbers, ascending. Digits that were not read are not among them.

    Raises:
        UserError: if the encoder is sure of another class nearly everywhere.
    """
    probabilities = read_digits(digits, encoder)
    labels = digits.labels.astype(np.int32)
    own = probabilities[np.arange(len(labels)), labels]
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = 0
    is_left_out = (others.max(axis=1) > MISLABELLED) | ~probabilities.any(axis=1)
    hardness = np.where(is_left_out, -1, 1 - own)
    num_hard = int(len(labels) * HARD_FRACTION)
    hardest = np.argsort(-hardness, kind="stable")[:num_hard]
    hardest = hardest[hardness[hardest] >= 0]
    if not hardest.size:
        raise UserError(
            "--initial_model must read digits, to say which are hard. Received: one "
            f"that is sure of other classes for {is_left_out.sum()} of {len(labels)}"
        )
    return np.sort(hardest)


def with_repeats(digits: Digits, hardest: np.ndarray, hard_share: float) -> Digits:
    """Repeats the hardest digits, so that drawing meets them more often.

    Args:
        digits: all of them.
        hardest: see `hardest_digits`.
        hard_share: approximate share of hard digits in the result, 0.1 to 0.5.

    Returns:
        `digits`, followed by as many repeats of the hardest as needed.
    """
    # r more of each: (1 + r) hard / (all + r hard) = share.
    repeats = round((hard_share / HARD_FRACTION - 1) / (1 - hard_share))
    rows = np.concatenate([np.arange(len(digits.labels)), np.tile(hardest, repeats)])
    return Digits(digits.images[rows], digits.labels[rows])


def read_digits(digits: Digits, encoder: keras.Model) -> np.ndarray:
    """An encoder's mean class probabilities for each digit, over `LAYOUTS`.

    Args:
        digits: `n` digits.
        encoder: images, uint8 `[batch, 40, 168, 1]`, to logits `[batch, 4, 10]`.

    Returns:
        Mean probabilities, float32 `[n, 10]`; zeros for digits that are of no
        layout's composites, each of which leaves out a rest of up to three.
    """
    # Row numbers as labels identify the digits of a composite.
    numbered = Digits(digits.images, np.arange(len(digits.images), dtype=np.int32))
    read = tf.function(
        lambda images: tf.nn.softmax(encoder(images, training=False)), autograph=False
    )
    sums = np.zeros([len(digits.images), encoder.output_shape[-1]], np.float32)
    counts = np.zeros([len(digits.images), 1], np.float32)
    for seed, layout in enumerate(LAYOUTS):  # other neighbours in each
        composites = datasets.evaluation_dataset(
            numbered, layout, seed, config.EVALUATION_BATCH_SIZE
        )
        for images, labels in composites:
            sums[labels["digits"].numpy()] += read(images).numpy()
            counts[labels["digits"].numpy()] += 1
    return sums / np.maximum(counts, 1)
