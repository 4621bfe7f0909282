"""Digits written as a data set of TensorFlow Datasets (TFDS)."""

import pathlib
from collections.abc import Iterator

import numpy as np

from mnist_sum_tf.atomic_files import cleaned_up_on_signals
from mnist_sum_tf.data.digits import Digits, load_digits
from mnist_sum_tf.user_errors import UserError, first_line, kind_and_line


def write_bundled_digits(data_dir: str) -> str:
    """Writes the bundled MNIST; see `write_tfds_dataset`."""
    train = load_digits(split="train")
    validation = load_digits(split="validation")
    both = Digits(*map(np.concatenate, zip(train, validation)))
    return write_tfds_dataset(data_dir, both, load_digits(split="test"))


def write_tfds_dataset(data_dir: str, train: Digits, test: Digits) -> str:
    """Writes digits as the data set that `tfds.load("mnist")` reads.

    It has the name, version and features of TFDS' own MNIST, so that
    `tfds.load("mnist", data_dir=data_dir, download=False)` takes it for that.
    TFDS writes to a temporary folder and renames it when done.

    Args:
        data_dir: the folder of TFDS data sets to add it to; made where missing.
        train: all training digits, those for validation last.
        test: the test digits.

    Returns:
        The new folder, `data_dir/mnist/<version>`.

    Raises:
        UserError: if the folder holds MNIST already, whole or damaged, or cannot be
            written.
    """
    import tensorflow_datasets as tfds  # slow, and only needed here

    try:
        pathlib.Path(data_dir).mkdir(parents=True, exist_ok=True)
        mnist = _builder(data_dir)
        with cleaned_up_on_signals():
            tfds.dataset_builders.store_as_tfds_dataset(
                name=mnist.name,
                version=mnist.version,
                features=mnist.info.features,
                split_datasets={"train": _examples(train), "test": _examples(test)},
                data_dir=data_dir,
                description=mnist.info.description,
                homepage=mnist.info.homepage,
                citation=mnist.info.citation,
                # Keeps the digits' order, which tells validation from training.
                disable_shuffling=True,
            )
    except (OSError, RuntimeError) as error:  # TFDS converts some of the former.
        reason = getattr(error, "strerror", None) or first_line(error)
        raise UserError(
            "--tfds_data_dir must be a folder that can be written. "
            f"Received: {data_dir}: {reason}"
        ) from error
    return str(mnist.data_dir)


def _builder(data_dir: str):
    """TFDS' builder of MNIST, for a folder that has none."""
    import tensorflow_datasets as tfds

    expected = "--tfds_data_dir must be a folder without MNIST. Received: "
    try:
        mnist = tfds.builder_cls("mnist")(data_dir=data_dir)
    except OSError:
        raise
    except Exception as error:  # TFDS raises errors of many types.
        raise UserError(
            f"{expected}{data_dir}, whose mnist is damaged: {kind_and_line(error)}"
        ) from error
    if mnist.is_prepared():
        raise UserError(f"{expected}{data_dir}, which holds {mnist.data_dir}")
    return mnist


def _examples(digits: Digits) -> Iterator[tuple[int, dict]]:
    """Yields (key, example) as TFDS wants them."""
    for key, (image, label) in enumerate(zip(digits.images, digits.labels)):
        yield key, {"image": image[..., None], "label": int(label)}
