"""Pairs of .npy files: images and sums."""

import numpy as np
import pytest
from own_images import noise, save_pair

from mnist_sum_tf.data.labelled_images import read_labelled_images, read_npy_pair
from mnist_sum_tf.user_errors import UserError


def test_npy_pair_of_uint8_stays_on_the_disk(tmp_path):
    images = noise(3)
    paths = save_pair(tmp_path, images, np.array([0, 36, 7]))
    labelled = read_npy_pair(*paths)
    assert isinstance(labelled.images, np.memmap)
    np.testing.assert_array_equal(labelled.images, images)
    assert labelled.sums.tolist() == [0, 36, 7]
    assert labelled.sums.dtype == np.int32
    assert labelled.digits is None and labelled.names is None


@pytest.mark.parametrize(
    ("convert", "lightest"),
    [
        (lambda images: images / 255 * 1.000001, 1),
        (lambda images: images > 127, 1),
        (lambda images: images // 10, 25),
        (lambda images: 0 * images, 0),
    ],
)
def test_images_without_ink_are_refused(tmp_path, convert, lightest):
    """Of floats a hair above 1 nothing but 0 and 1 of 255 would be left."""
    images = convert(noise(3))
    images = images.astype(np.uint8) if images.dtype == bool else images
    pair = save_pair(tmp_path, images, np.array([0, 36, 7]))
    with pytest.raises(
        UserError, match=f"no pixel lighter than {lightest} of 255 in 3"
    ):
        read_labelled_images(*pair)


@pytest.mark.parametrize(
    "convert",
    [
        lambda images: (images / 255).astype(np.float32),
        lambda images: images / 255,
        lambda images: images.astype(np.float32),
        lambda images: np.clip(images + 0.4, 0, 255),
        lambda images: images.astype(np.int64),
        lambda images: images.astype(">u2"),
        lambda images: np.asfortranarray(images),
    ],
)
def test_npy_pixels_of_other_types(tmp_path, convert, monkeypatch):
    monkeypatch.setattr("mnist_sum_tf.data.labelled_images.CHUNK", 2)
    images = noise(3)
    images[0] = 0  # a chunk's largest pixel does not tell the scale
    images[1] = 1
    paths = save_pair(tmp_path, convert(images), np.array([1.0, 2.0, 3.0]))
    labelled = read_npy_pair(*paths)
    np.testing.assert_array_equal(labelled.images, images)
    assert labelled.images.dtype == np.uint8
    assert labelled.sums.tolist() == [1, 2, 3]


def test_the_lightest_of_all_chunks_tells_the_scale(tmp_path, monkeypatch):
    """Times 255, 200 would be 51000."""
    monkeypatch.setattr("mnist_sum_tf.data.labelled_images.CHUNK", 2)
    images = np.zeros((3, 40, 168), np.float32)
    images[0] = 200
    labelled = read_npy_pair(*save_pair(tmp_path, images, np.array([1, 2, 3])))
    assert labelled.images.max(axis=(1, 2)).tolist() == [200, 0, 0]


def test_a_wrong_pixel_is_in_an_image_of_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr("mnist_sum_tf.data.labelled_images.CHUNK", 2)
    images = np.zeros((4, 40, 168), np.float32)
    images[3, 5, 7] = -1
    pair = save_pair(tmp_path, images, np.array([1, 2, 3, 4]))
    with pytest.raises(UserError, match="Received: -1.0 in image 3$"):
        read_npy_pair(*pair)


def test_images_as_models_take_them(tmp_path):
    paths = save_pair(tmp_path, noise(3)[..., np.newaxis], np.array([1, 2, 3]))
    np.testing.assert_array_equal(read_npy_pair(*paths).images, noise(3))


def with_pixel(value):
    images = noise(3).astype(np.float32)
    images[1, 2, 3] = value
    return images


PIXELS = "must be numbers 0 to 1 or 0 to 255. Received:"
SHAPE = "must have the shape [n, 40, 168], n at least 1. Received:"
SUMS = "must be whole numbers 0 to 36. Received:"
NUMBERS = "must be an .npy file of numbers. Received:"


@pytest.mark.parametrize(
    "images, sums, message",
    [
        (with_pixel(np.nan), [1, 2, 3], f"--images={{images}} {PIXELS} nan in image 1"),
        (with_pixel(np.inf), [1, 2, 3], f"--images={{images}} {PIXELS} inf in image 1"),
        (with_pixel(-1), [1, 2, 3], f"--images={{images}} {PIXELS} -1.0 in image 1"),
        (
            with_pixel(255.5),
            [1, 2, 3],
            f"--images={{images}} {PIXELS} 255.5 in image 1",
        ),
        (with_pixel(256), [1, 2, 3], f"--images={{images}} {PIXELS} 256.0 in image 1"),
        (noise(3)[:, :28], [1, 2, 3], f"--images={{images}} {SHAPE} [3, 28, 168]"),
        (
            np.stack(2 * [noise(3)], -1),
            [1, 2, 3],
            f"--images={{images}} {SHAPE} [3, 40, 168, 2]",
        ),
        (noise(1)[0], [1], f"--images={{images}} {SHAPE} [40, 168]"),
        (np.uint8(1), [1], f"--images={{images}} {SHAPE} []"),
        (noise(0), [], f"--images={{images}} {SHAPE} [0, 40, 168]"),
        (noise(3) > 9, [1, 2, 3], f"--images={{images}} {NUMBERS} bool"),
        (
            noise(3),
            [1, 2],
            "--sums={sums} must have the shape [3], a sum for each image. Received: [2]",
        ),
        (
            noise(3),
            [[1], [2], [3]],
            "--sums={sums} must have the shape [3], a sum for each image. Received: [3, 1]",
        ),
        (noise(3), [1, 2, 37], f"--sums={{sums}} {SUMS} 37 at index 2"),
        (noise(3), [-1, 2, 3], f"--sums={{sums}} {SUMS} -1 at index 0"),
        (noise(3), [1, 2.5, 3], f"--sums={{sums}} {SUMS} 2.5 at index 1"),
        (noise(3), [1, np.nan, 3], f"--sums={{sums}} {SUMS} nan at index 1"),
        (noise(3), ["1", "2", "3"], f"--sums={{sums}} {NUMBERS} <U1"),
    ],
)
def test_wrong_npy_arrays(tmp_path, images, sums, message):
    paths = save_pair(tmp_path, images, np.array(sums))
    with pytest.raises(UserError) as caught:
        read_npy_pair(*paths)
    assert str(caught.value) == message.format(images=paths[0], sums=paths[1])


def test_npy_with_pickled_objects(tmp_path):
    paths = save_pair(tmp_path, noise(1), np.array([{}], dtype=object))
    with pytest.raises(UserError, match="--sums=.*must be an .npy.*objects"):
        read_npy_pair(*paths)
    with pytest.raises(UserError, match="--images=.*must be an .npy.*objects"):
        read_npy_pair(*paths[::-1])


def test_missing_npy(tmp_path):
    images, sums = save_pair(tmp_path, noise(1), [3])
    missing = str(tmp_path / "missing.npy")
    with pytest.raises(UserError) as caught:
        read_npy_pair(missing, sums)
    assert str(caught.value) == (
        f"--images={missing} must be an .npy file of numbers. Received: no such file"
    )
    with pytest.raises(UserError, match=f"--sums={missing} must be an .npy"):
        read_npy_pair(images, missing)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no array"),
        lambda path: path.write_bytes(path.read_bytes()[:50]),
        lambda path: path.write_bytes(path.read_bytes()[:-50]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"shape", b"sh}pe")),
        lambda path: path.write_bytes(path.read_bytes().replace(b")", b"(")),
        lambda path: path.write_bytes(path.read_bytes().replace(b"40", b"-4")),
        lambda path: np.savez(path.open("wb"), noise(1)),
    ],
)
def test_unreadable_npy(tmp_path, spoil):
    images, sums = save_pair(tmp_path, noise(1), [3])
    spoil(tmp_path / "images.npy")
    with pytest.raises(UserError) as caught:
        read_npy_pair(images, sums)
    assert str(caught.value).startswith(f"--images={images} {NUMBERS}")
    assert "\n" not in str(caught.value)
