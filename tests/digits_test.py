import numpy as np
import pytest
from digit_arrays import SPLITS, assert_same, small_arrays

from mnist_sum_tf.data import digits
from mnist_sum_tf.data.digits import Digits, load_digits
from mnist_sum_tf.user_errors import UserError


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
