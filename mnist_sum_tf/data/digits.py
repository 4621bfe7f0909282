"""Single handwritten digits by split: bundled, TensorFlow Datasets', or a file.

Whatever the source, `train` is the first eleven twelfths of its training digits
(MNIST: 55,000), `validation` the last twelfth (5,000), `test` its test digits.
"""

import functools
import hashlib
import os
import pathlib
import tokenize
import zipfile
import zlib
from typing import NamedTuple

import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.data.white_ink import check_white_ink
from mnist_sum_tf.user_errors import UserError, kind_and_line

ARRAYS = ("x_train", "y_train", "x_test", "y_test")

BUNDLED_PATH = pathlib.Path(__file__).with_name("mnist.npz")
# SHA-256 of the bytes of the four arrays, concatenated in the order above.
BUNDLED_SHA256 = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"

# Exceptions that reading a damaged `.npz` may raise.
NPZ_READ_ERRORS = (
    EOFError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)

# Each split must hold a composite's four digits, validation being a twelfth.
MIN_TRAIN = 12 * config.NUM_DIGITS
MIN_TEST = config.NUM_DIGITS


class Digits(NamedTuple):
    """Digit images and their labels.

    Attributes:
        images: uint8 `[n, 28, 28]`, white ink (255) on black (0); read-only.
        labels: uint8 `[n]`, 0 to 9; read-only.
    """

    images: np.ndarray
    labels: np.ndarray


def load_digits(
    source: str = "bundled",
    split: str = "train",
    tfds_data_dir: str | None = None,
) -> Digits:
    """Loads the digits of one split.

    Args:
        source: `"bundled"` (MNIST as it comes with this package), `"tfds"`
            (`tfds.load("mnist")`, downloaded if needed and possible), or the
            path of an `.npz` that holds `x_train`, `y_train`, `x_test` and
            `y_test` as Keras' does.
        split: one of `config.SPLITS`.
        tfds_data_dir: where TensorFlow Datasets keeps its data; its own default
            where `None`.

    Returns:
        The split's `Digits`. MNIST comes in its own order from every source.

    Raises:
        UserError: if there is no such split or source, the file is invalid, or
            TensorFlow Datasets neither has MNIST nor can download it.
    """
    if split not in config.SPLITS:
        raise UserError(
            f"--split must be one of {', '.join(config.SPLITS)}. Received: {split!r}"
        )
    if source == "bundled":
        arrays = _read_bundled()
    elif source == "tfds":
        arrays = _read_tfds(tfds_data_dir)
    else:
        arrays = _read_npz(pathlib.Path(source))
    return _take_split(arrays, split)


def _take_split(arrays: dict[str, np.ndarray], split: str) -> Digits:
    if split == "test":
        return Digits(arrays["x_test"], arrays["y_test"])
    images, labels = arrays["x_train"], arrays["y_train"]
    num_train = len(images) - len(images) // 12
    if split == "train":
        return Digits(images[:num_train], labels[:num_train])
    return Digits(images[num_train:], labels[num_train:])


@functools.cache
def _read_bundled() -> dict[str, np.ndarray]:
    arrays = _read_npz(BUNDLED_PATH)
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(arrays[name].tobytes())
    if digest.hexdigest() != BUNDLED_SHA256:
        raise UserError(
            f"{BUNDLED_PATH} is damaged: the SHA-256 of its arrays must be "
            f"{BUNDLED_SHA256}. Received: {digest.hexdigest()}"
        )
    return arrays


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads and checks a file in the Keras layout."""
    if not os.path.isfile(path):
        raise UserError(
            "--digits must be bundled, tfds or the path of an .npz file. "
            f"Received: {str(path)!r}, which is not a file"
        )
    try:
        arrays = _open_npz(path)
    except NPZ_READ_ERRORS as error:
        raise UserError(
            f"{path} must be an .npz file of plain arrays. "
            f"Received: {kind_and_line(error)}"
        ) from error
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        raise UserError(
            f"{path} must hold the arrays {', '.join(ARRAYS)}. "
            f"Received: a file without {', '.join(missing)}"
        )
    return _check_arrays(str(path), arrays)


def _open_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads those of `ARRAYS` that the file holds."""
    archive = np.load(path, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("one array alone, as in an .npy file")
    with archive:
        return {name: archive[name] for name in ARRAYS if name in archive}


def _read_tfds(data_dir: str | None) -> dict[str, np.ndarray]:
    """Reads MNIST through TensorFlow Datasets."""
    try:
        import tensorflow_datasets as tfds  # slow, and only needed here

        # One file after another: interleaving them would shuffle.
        train, test = tfds.load(
            "mnist",
            split=["train", "test"],
            data_dir=data_dir,
            batch_size=-1,
            read_config=tfds.ReadConfig(interleave_cycle_length=1),
        )
    except Exception as error:  # TFDS raises errors of many types
        raise UserError(
            f"{_tfds_name(data_dir)} has no MNIST and it could not be "
            "downloaded; write it there with scripts/write_tfds_dataset.py, or "
            f"use --digits=bundled. Received: {kind_and_line(error)}"
        ) from error
    arrays = {}
    for name, examples in (("train", train), ("test", test)):
        arrays[f"x_{name}"] = np.asarray(examples["image"])[..., 0]
        arrays[f"y_{name}"] = np.asarray(examples["label"])
    arrays = _check_arrays(_tfds_name(data_dir), arrays)
    return _in_own_order(arrays, _read_bundled())


def _tfds_name(data_dir: str | None) -> str:
    return f"--tfds_data_dir={data_dir or '(the default)'}"


def _in_own_order(arrays, ordered) -> dict[str, np.ndarray]:
    """Undoes the shuffling that TFDS does when it prepares MNIST.

    Without this, `validation` would hold other digits than the bundled file's.

    Args:
        arrays: the digits as read.
        ordered: MNIST in its own order.

    Returns:
        `arrays`, in the order of `ordered` where they hold the same digits.
    """
    result = dict(arrays)
    for part in ("train", "test"):
        keys, goal = _keys(arrays, part), _keys(ordered, part)
        by_key = np.argsort(keys, kind="stable")
        goal_by_key = np.argsort(goal, kind="stable")
        if not np.array_equal(keys[by_key], goal[goal_by_key]):
            continue  # other digits than MNIST's: keep their order
        order = np.empty_like(by_key)
        order[goal_by_key] = by_key
        for name in (f"x_{part}", f"y_{part}"):
            result[name] = _frozen(arrays[name][order])
    return result


def _keys(arrays, part: str) -> np.ndarray:
    """Label and pixels of each digit as one sortable string of bytes."""
    images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    flat = images.reshape(len(images), -1)
    joined = np.concatenate([labels[:, np.newaxis], flat], axis=1)
    return joined.view(f"S{joined.shape[1]}")[:, 0]


def _check_arrays(name: str, arrays) -> dict[str, np.ndarray]:
    """Returns the arrays, labels as uint8, all read-only."""
    checked = {}
    for part, minimum in (("train", MIN_TRAIN), ("test", MIN_TEST)):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        _check_images(f"{name}: x_{part}", images, minimum)
        _check_labels(f"{name}: y_{part}", labels, len(images))
        checked[f"x_{part}"] = _frozen(images)
        checked[f"y_{part}"] = _frozen(labels.astype(np.uint8))
    return checked


def _check_images(name: str, images: np.ndarray, minimum: int) -> None:
    shape = (config.DIGIT_SIZE, config.DIGIT_SIZE)
    if images.dtype != np.uint8 or images.shape[1:] != shape:
        raise UserError(
            f"{name} must be uint8 [n, {config.DIGIT_SIZE}, {config.DIGIT_SIZE}]. "
            f"Received: {images.dtype} {list(images.shape)}"
        )
    if len(images) < minimum:
        raise UserError(
            f"{name} must hold at least {minimum} digits. Received: {len(images)}"
        )
    check_white_ink(name, images)


def _check_labels(name: str, labels: np.ndarray, count: int) -> None:
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise UserError(
            f"{name} must be whole numbers [{count}], one per image. "
            f"Received: {labels.dtype} {list(labels.shape)}"
        )
    wrong = labels[(labels < 0) | (labels >= config.NUM_CLASSES)]
    if wrong.size:
        raise UserError(
            f"{name} must be digits 0 to {config.NUM_CLASSES - 1}. Received: {wrong[0]}"
        )


def _frozen(array: np.ndarray) -> np.ndarray:
    """Makes the array read-only: callers share it."""
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def digest_of(*arrays) -> str:
    """Content hash of arrays: the first 16 hexadecimal characters of SHA-256."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(memoryview(np.ascontiguousarray(array)).cast("B"))
    return digest.hexdigest()[:16]
