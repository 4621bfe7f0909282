"""Folders and pairs alike: which is which, and ink must be white on black."""

import numpy as np
import pytest
from own_images import noise, save_pair, save_png

from mnist_sum_tf.data import white_ink
from mnist_sum_tf.data.labelled_images import read_labelled_images
from mnist_sum_tf.user_errors import UserError


def test_dark_ink_on_light_paper_is_refused(tmp_path):
    images = np.zeros((2, 40, 168), np.uint8)
    images[:, 10:30, 50:60] = 255
    as_meant, inverted = (tmp_path / name for name in ("as_meant", "inverted"))
    for folder, pixels in ((as_meant, images), (inverted, 255 - images)):
        folder.mkdir()
        save_pair(folder, pixels, np.array([3, 4]))
        save_png(folder / "0003.png", pixels[0])
        save_png(folder / "0004.png", pixels[1])
    for given in ((as_meant, None), pair(as_meant)):
        labelled = read_labelled_images(*map(text, given))
        np.testing.assert_array_equal(labelled.images, images)
    for given in ((inverted, None), pair(inverted)):
        with pytest.raises(
            UserError, match="white ink .* Received: light paper in 100% of 2"
        ):
            read_labelled_images(*map(text, given))


def test_black_ink_on_a_see_through_image_is_refused(tmp_path):
    pixels = np.zeros((40, 168, 4), np.uint8)
    pixels[10:30, 50:60, 3] = 255
    save_png(tmp_path / "0003.png", pixels)
    with pytest.raises(UserError, match="white ink"):
        read_labelled_images(str(tmp_path), None)
    pixels[..., :3] = 255  # white ink
    save_png(tmp_path / "0003.png", pixels)
    labelled = read_labelled_images(str(tmp_path), None)
    np.testing.assert_array_equal(labelled.images[0], pixels[..., 3])


def test_a_few_images_on_light_paper_or_without_ink_are_told(tmp_path, caplog):
    images = np.zeros((20, 40, 168), np.uint8)
    images[:, 10:30, 50:60] = 255
    images[:2] = 255 - images[:2]
    images[[7, 12, 13]] = 40
    pair = save_pair(tmp_path, images, [5] * 20)
    assert len(read_labelled_images(*pair).sums) == 20
    looked_at = "of 20 images looked at, the first of them image"
    assert [record.getMessage() for record in caplog.records] == [
        f"--images={pair[0]}: no ink in 3 {looked_at} 7",
        f"--images={pair[0]}: light paper in 2 {looked_at} 0",
    ]
    images[2] = 150
    with pytest.raises(UserError, match="light paper in 15% of 20 images"):
        read_labelled_images(*save_pair(tmp_path, images, [5] * 20))


def test_images_are_looked_at_from_the_first_to_the_last(monkeypatch):
    """Every fifth of ten: one on dark, one on light paper."""
    monkeypatch.setattr(white_ink, "LOOKED_AT", 2)
    images = np.zeros((10, 40, 168), np.uint8)
    images[:, 10:30, 50:60] = 255
    images[2:] = 255 - images[2:]
    with pytest.raises(UserError, match="light paper in 50% of 2 images looked at"):
        white_ink.check_white_ink("x.npy", images)


def pair(folder):
    return folder / "images.npy", folder / "sums.npy"


def text(path):
    return path and str(path)


def test_folder_and_pair_are_distinguished(tmp_path):
    save_png(tmp_path / "0428.png", noise(1)[0])
    images, sums = save_pair(tmp_path, noise(2), [3, 4])
    assert read_labelled_images(str(tmp_path), None).names == ["0428.png"]
    assert read_labelled_images(images, sums).sums.tolist() == [3, 4]
    with pytest.raises(UserError, match="together with --sums.*alone"):
        read_labelled_images(images, None)
    with pytest.raises(UserError, match="--sums must be a .csv file beside"):
        read_labelled_images(str(tmp_path), sums)
