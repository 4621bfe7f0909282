"""Digits through TensorFlow Datasets, and written for it."""

import functools
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from digit_arrays import SPLITS, assert_same, small_arrays

from mnist_sum_tf.data import digits, tfds_export
from mnist_sum_tf.data.digits import Digits, load_digits
from mnist_sum_tf.user_errors import UserError

ROOT = pathlib.Path(__file__).parents[1]


SCRIPT = ROOT / "scripts" / "write_tfds_dataset.py"


@pytest.fixture(scope="module")
def tfds_data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), f"--tfds_data_dir={folder}"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert f"Wrote MNIST to {folder}/mnist/" in ran.stdout
    return str(folder)


def test_all_sources_give_the_same_digits(monkeypatch, tfds_data_dir, tmp_path):
    with np.load(digits.BUNDLED_PATH) as archive:
        np.savez(tmp_path / "own.npz", **archive)
    # Decoding 70,000 PNGs once is enough.
    monkeypatch.setattr(digits, "_read_tfds", functools.cache(digits._read_tfds))
    for split in SPLITS:
        bundled = load_digits("bundled", split)
        assert_same(load_digits("tfds", split, tfds_data_dir), bundled)
        assert_same(load_digits(str(tmp_path / "own.npz"), split), bundled)


def test_written_tfds_dataset_is_mnist_to_tfds(tfds_data_dir):
    import tensorflow_datasets as tfds

    examples, info = tfds.load(
        "mnist",
        split="test[:2]",
        data_dir=tfds_data_dir,
        download=False,
        as_supervised=True,
        with_info=True,
    )
    assert info.full_name == "mnist/3.0.1"
    assert info.splits["train"].num_examples == 60_000
    images, labels = zip(*examples.as_numpy_iterator())
    assert labels == (7, 2)
    np.testing.assert_array_equal(
        np.stack(images)[..., 0], load_digits(split="test").images[:2]
    )


def test_tfds_dataset_is_not_overwritten(tfds_data_dir):
    with pytest.raises(UserError) as caught:
        tfds_export.write_bundled_digits(tfds_data_dir)
    assert str(caught.value) == (
        "--tfds_data_dir must be a folder without MNIST. Received: "
        f"{tfds_data_dir}, which holds {tfds_data_dir}/mnist/3.0.1"
    )


def test_a_damaged_tfds_dataset_is_reported(tmp_path):
    version = tmp_path / "mnist" / "3.0.1"
    version.mkdir(parents=True)
    (version / "dataset_info.json").write_text("garbage")
    with pytest.raises(UserError) as caught:
        tfds_export.write_bundled_digits(str(tmp_path))
    assert str(caught.value).startswith(
        "--tfds_data_dir must be a folder without MNIST. "
        f"Received: {tmp_path}, whose mnist is damaged: ParseError: "
    )


def test_a_full_disk_under_a_tfds_dataset_is_reported(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    def fail(**arguments):
        raise RuntimeError("OutOfRangeError: Failed to write\nNo space left on device")

    monkeypatch.setattr(tfds.dataset_builders, "store_as_tfds_dataset", fail)
    with pytest.raises(UserError, match="can be written. .*: OutOfRangeError: Failed"):
        tfds_export.write_bundled_digits(str(tmp_path))


def test_tfds_dataset_needs_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="that can be written.*: File exists"):
        tfds_export.write_bundled_digits(str(tmp_path / "file"))


def as_tfds(arrays):
    """What `tfds.load(..., batch_size=-1)` returns."""
    return [
        {
            "image": arrays[f"x_{part}"][..., np.newaxis],
            "label": arrays[f"y_{part}"].astype(np.int64),
        }
        for part in ("train", "test")
    ]


def test_digits_that_tfds_shuffled_are_put_in_order(monkeypatch):
    import tensorflow_datasets as tfds

    arrays = dict(digits._read_bundled())
    for part, count in (("train", 60_000), ("test", 10_000)):
        order = np.random.default_rng(0).permutation(count)
        for name in (f"x_{part}", f"y_{part}"):
            arrays[name] = arrays[name][order]
    monkeypatch.setattr(tfds, "load", lambda *a, **k: as_tfds(arrays))
    for split in SPLITS:
        assert_same(load_digits("tfds", split), load_digits("bundled", split))


def test_other_digits_of_tfds_keep_their_order(monkeypatch):
    import tensorflow_datasets as tfds

    arrays = small_arrays()
    monkeypatch.setattr(tfds, "load", lambda *a, **k: as_tfds(arrays))
    test = load_digits("tfds", "test")
    assert_same(test, Digits(arrays["x_test"], arrays["y_test"]))


def test_tfds_that_cannot_download(monkeypatch, tmp_path):
    import tensorflow_datasets as tfds

    def load(*args, **kwargs):
        raise ConnectionError("no route to host\nmany more lines")

    monkeypatch.setattr(tfds, "load", load)
    with pytest.raises(UserError) as caught:
        load_digits("tfds", "train", str(tmp_path))
    message = str(caught.value)
    assert message.startswith(f"--tfds_data_dir={tmp_path} has no MNIST")
    assert message.endswith("Received: ConnectionError: no route to host")
