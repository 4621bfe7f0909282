import functools
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from mnist_sum_tf.data import digits, tfds_export
from mnist_sum_tf.data.digits import Digits, load_digits
from mnist_sum_tf.user_errors import UserError

ROOT = pathlib.Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "write_tfds_dataset.py"
SPLITS = ("train", "validation", "test")


def assert_same(left: Digits, right: Digits):
    for left_array, right_array in zip(left, right):
        assert left_array.dtype == right_array.dtype == np.uint8
        np.testing.assert_array_equal(left_array, right_array)


def small_arrays(num_train=60, num_test=8):
    random = np.random.default_rng(0)
    return {
        "x_train": random.integers(0, 256, (num_train, 28, 28), np.uint8),
        "y_train": random.integers(0, 10, num_train, np.uint8),
        "x_test": random.integers(0, 256, (num_test, 28, 28), np.uint8),
        "y_test": random.integers(0, 10, num_test, np.uint8),
    }


def save(path, **changes):
    np.savez(path, **(small_arrays() | changes))
    return str(path)


def test_bundled_splits():
    train, validation, test = (load_digits(split=split) for split in SPLITS)
    assert train.images.shape == (55_000, 28, 28)
    assert validation.images.shape == (5_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert validation.labels[-3:].tolist() == [5, 6, 8]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    # MNIST's well-known counts of the digits.
    labels = np.concatenate([train.labels, validation.labels])
    assert np.bincount(labels).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    # The mean that everyone normalises MNIST by.
    means = train.images.mean(), validation.images.mean()
    assert round((11 * means[0] + means[1]) / 12 / 255, 4) == 0.1307


def test_bundled_digits_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        load_digits(split="test").images[0] = 0


def test_bundled_file_is_checked_by_content(monkeypatch, tmp_path):
    with np.load(digits.BUNDLED_PATH) as archive:
        arrays = dict(archive)
    # Uncompressed: other bytes, the same content.
    np.savez(tmp_path / "same.npz", **arrays)
    arrays["x_test"][7, 14, 14] ^= 1
    np.savez(tmp_path / "damaged.npz", **arrays)
    read = digits._read_bundled.__wrapped__

    monkeypatch.setattr(digits, "BUNDLED_PATH", tmp_path / "same.npz")
    np.testing.assert_array_equal(read()["x_test"], load_digits(split="test").images)
    monkeypatch.setattr(digits, "BUNDLED_PATH", tmp_path / "damaged.npz")
    with pytest.raises(UserError, match="damaged.npz is damaged: the SHA-256"):
        read()


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


def test_own_file_is_split_by_twelfths(tmp_path):
    arrays = small_arrays(num_train=60)
    path = save(tmp_path / "own.npz", y_train=arrays["y_train"].astype("int64"))
    train, validation, test = (load_digits(path, split) for split in SPLITS)
    assert_same(train, Digits(arrays["x_train"][:55], arrays["y_train"][:55]))
    assert_same(validation, Digits(arrays["x_train"][55:], arrays["y_train"][55:]))
    assert_same(test, Digits(arrays["x_test"], arrays["y_test"]))


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"x_train": np.zeros((60, 28, 28))},
            "x_train must be uint8 [n, 28, 28]. Received: float64 [60, 28, 28]",
        ),
        (
            {"x_test": np.zeros((8, 784), np.uint8)},
            "x_test must be uint8 [n, 28, 28]. Received: uint8 [8, 784]",
        ),
        (
            {"x_test": np.uint8(3)},
            "x_test must be uint8 [n, 28, 28]. Received: uint8 []",
        ),
        (
            {"y_test": np.zeros(7, np.uint8)},
            "y_test must be whole numbers [8], one per image. Received: uint8 [7]",
        ),
        (
            {"y_test": np.zeros(8)},
            "y_test must be whole numbers [8], one per image. Received: float64 [8]",
        ),
        ({"y_test": np.full(8, 10)}, "y_test must be digits 0 to 9. Received: 10"),
        ({"y_test": np.full(8, -1)}, "y_test must be digits 0 to 9. Received: -1"),
        (
            {"x_train": np.zeros((47, 28, 28), np.uint8)},
            "x_train must hold at least 48 digits. Received: 47",
        ),
        (
            {"x_test": np.zeros((3, 28, 28), np.uint8)},
            "x_test must hold at least 4 digits. Received: 3",
        ),
        (
            {"x_test": np.ones((8, 28, 28), np.uint8)},
            "x_test must be white ink (255) on black paper (0). Received: no pixel lighter than 1 of 255 in 8 images looked at",
        ),
        (
            {"x_train": np.full((60, 28, 28), 200, np.uint8)},
            "x_train must be white ink (255) on black paper (0); invert those that are not. Received: light paper in 100% of 60 images looked at",
        ),
    ],
)
def test_own_file_with_wrong_arrays(tmp_path, changes, message):
    path = save(tmp_path / "own.npz", **changes)
    with pytest.raises(UserError) as caught:
        load_digits(path)
    assert str(caught.value) == f"{path}: {message}"


def test_own_file_without_arrays(tmp_path):
    np.savez(tmp_path / "own.npz", x_train=np.zeros(3), images=np.zeros(3))
    with pytest.raises(UserError) as caught:
        load_digits(str(tmp_path / "own.npz"))
    assert str(caught.value) == (
        f"{tmp_path}/own.npz must hold the arrays x_train, y_train, x_test, "
        "y_test. Received: a file without y_train, x_test, y_test"
    )


def cut_short(path):
    save(path)
    path.write_bytes(path.read_bytes()[:-1000])


def flip_pixels(path):
    np.savez_compressed(path, **small_arrays())
    content = bytearray(path.read_bytes())
    content[1000:1010] = bytes(10)
    path.write_bytes(content)


def encrypt(path):
    save(path)
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[central + 8] |= 1  # the flag that says so
    path.write_bytes(content)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: save(path, y_test=np.array([{}] * 8)),  # pickled
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"neither a zip nor an array"),
        lambda path: path.open("wb").write(b"\x93NUMPY"),
        lambda path: np.save(path.open("wb"), np.zeros(3)),
        cut_short,
        flip_pixels,
        encrypt,
    ],
)
def test_files_that_are_no_npz(tmp_path, write):
    path = tmp_path / "own.npz"
    write(path)
    with pytest.raises(UserError) as caught:
        load_digits(str(path))
    assert str(caught.value).startswith(
        f"{path} must be an .npz file of plain arrays. Received: "
    )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["bundeld", "missing.npz", ".", ""])
def test_source_that_is_no_file(source):
    with pytest.raises(UserError, match="--digits must be bundled, tfds or the"):
        load_digits(source)


def test_unknown_split():
    with pytest.raises(UserError) as caught:
        load_digits(split="dev")
    assert str(caught.value) == (
        "--split must be one of train, validation, test. Received: 'dev'"
    )
