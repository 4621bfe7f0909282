"""Folders of PNGs whose names tell their digits."""

import logging
import os
import warnings

import numpy as np
import pytest
from own_images import noise, save_png
from PIL import Image

from mnist_sum_tf.data.labelled_images import read_png_folder
from mnist_sum_tf.data.png_files import read_png
from mnist_sum_tf.user_errors import UserError


def test_png_folder(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    images = noise(4)
    save_png(tmp_path / "tiled" / "0428.png", images[0])
    save_png(tmp_path / "tiled" / "0428_00017.png", images[1])
    save_png(tmp_path / "scattered" / "9999 copy.PNG", images[2])
    save_png(tmp_path / "1000-b.png", images[3])
    save_png(tmp_path / ".hidden" / "x.png", images[0])
    (tmp_path / "tiled" / "._0428.png").write_bytes(b"what macOS adds")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "tiled" / "1234.JPG").touch()
    labelled = read_png_folder(str(tmp_path))
    assert labelled.names == [
        "1000-b.png",
        "scattered/9999 copy.PNG",
        "tiled/0428.png",
        "tiled/0428_00017.png",
    ]
    told = f"1 other pictures in {tmp_path} are skipped: not PNGs"
    assert [record.getMessage() for record in caplog.records] == [told]
    np.testing.assert_array_equal(labelled.images, images[[3, 2, 0, 1]])
    assert labelled.images.dtype == np.uint8
    assert labelled.digits.tolist() == [
        [1, 0, 0, 0],
        [9, 9, 9, 9],
        [0, 4, 2, 8],
        [0, 4, 2, 8],
    ]
    assert labelled.sums.tolist() == [1, 36, 14, 14]
    assert labelled.digits.dtype == labelled.sums.dtype == np.int32


def test_linked_folders_are_read_once(tmp_path):
    images = noise(2)
    save_png(tmp_path / "elsewhere" / "0001.png", images[0])
    save_png(tmp_path / "mine" / "0002.png", images[1])
    (tmp_path / "mine" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "mine" / "same").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "mine" / "again").symlink_to(tmp_path / "mine")
    labelled = read_png_folder(str(tmp_path / "mine"))
    assert labelled.names == ["0002.png", "more/0001.png"]
    np.testing.assert_array_equal(labelled.images, images[::-1])


def test_a_link_that_leads_nowhere_is_reported(tmp_path):
    save_png(tmp_path / "0002.png", noise(1)[0])
    (tmp_path / "0003.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(UserError, match="0003.png must be a PNG. Received: a link to"):
        read_png_folder(str(tmp_path))


def test_a_folder_within_that_cannot_be_read_is_reported(tmp_path, monkeypatch):
    save_png(tmp_path / "closed" / "0002.png", noise(1)[0])
    scandir = os.scandir

    def refuse(path):  # root may read all
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match="closed: the folder cannot be read. Received"):
        read_png_folder(str(tmp_path))


def test_pngs_of_other_colour_modes(tmp_path):
    grey = noise(1)[0]
    save_png(tmp_path / "0000_L.png", grey)
    save_png(tmp_path / "0001_RGB.png", grey, "RGB")
    save_png(tmp_path / "0002_P.png", grey, "P")
    save_png(tmp_path / "0003_LA.png", grey, "LA")
    ink = np.where(grey > 127, 255, 0).astype(np.uint8)
    Image.fromarray(ink).convert("1").save(tmp_path / "0004_1.png")
    images = read_png_folder(str(tmp_path)).images
    for image in images[:4]:
        np.testing.assert_array_equal(image, grey)
    np.testing.assert_array_equal(images[4], ink)


@pytest.mark.parametrize(("shade", "paper"), [(255, 0), (180, 0), (80, 255), (0, 255)])
def test_a_transparent_png_is_laid_on_paper_of_another_shade(tmp_path, shade, paper):
    """As `predict.py` lays it."""
    is_ink = noise(1)[0] > 220
    picture = np.full((40, 168, 4), shade, np.uint8)
    picture[..., 3] = np.where(is_ink, 255, 0)
    Image.fromarray(picture).save(tmp_path / "0005_RGBA.png")
    found = read_png(tmp_path / "0005_RGBA.png")
    np.testing.assert_array_equal(found, np.where(is_ink, shade, paper))


def test_an_opaque_alpha_changes_nothing(tmp_path):
    grey = noise(1)[0]
    picture = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    Image.fromarray(picture).save(tmp_path / "0005_RGBA.png")
    np.testing.assert_array_equal(read_png(tmp_path / "0005_RGBA.png"), grey)


@pytest.mark.parametrize(
    "name",
    ["042.png", "image.png", "04281.png", "_0428.png", "0-28.png", "٠٤٢٨.png"],
)
def test_png_without_a_label(tmp_path, name):
    save_png(tmp_path / "0428.png", noise(1)[0])
    save_png(tmp_path / name, noise(1)[0])
    with pytest.raises(UserError) as caught:
        read_png_folder(str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path / name}: the name must begin with the image's four digits, "
        "as in 0428.png or 0428_00017.png, or --sums give the sums. "
        f"Received: {name!r}"
    )


def test_folder_that_is_missing_or_empty(tmp_path):
    with pytest.raises(UserError, match="--images must be a folder of labelled"):
        read_png_folder(str(tmp_path / "missing"))
    (tmp_path / "0428.jpg").write_bytes(b"")
    (tmp_path / "0428.png").mkdir()
    with pytest.raises(UserError, match="with PNGs in it.*which holds none"):
        read_png_folder(str(tmp_path))


def test_png_of_wrong_size(tmp_path):
    path = tmp_path / "0428.png"
    save_png(path, noise(1)[0].T)
    with pytest.raises(UserError) as caught:
        read_png_folder(str(tmp_path))
    assert str(caught.value) == (
        f"{path} must be a PNG of 168x40 pixels with 8 bits each. Received: 40x168"
    )


def test_huge_png_is_refused_undecoded(tmp_path):
    image = Image.new("1", (20_000, 20_000))
    image.save(tmp_path / "0428.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserError, match="must be a PNG of 168x40"):
            read_png_folder(str(tmp_path))


def test_png_of_sixteen_bits(tmp_path):
    save_png(tmp_path / "0428.png", noise(1)[0].astype(np.uint16) * 257)
    with pytest.raises(UserError, match="8 bits each. Received: I;16"):
        read_png_folder(str(tmp_path))


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-500])


def flip_bits(path):
    content = bytearray(path.read_bytes())
    content[100] ^= 255
    path.write_bytes(content)


def turn_into_jpeg(path):
    Image.fromarray(noise(1)[0]).save(path, format="JPEG")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no image"),
        cut_short,
        flip_bits,
        turn_into_jpeg,
    ],
)
def test_unreadable_png(tmp_path, spoil):
    path = tmp_path / "0428.png"
    save_png(path, noise(1)[0])
    spoil(path)
    with pytest.raises(UserError) as caught:
        read_png_folder(str(tmp_path))
    assert str(caught.value).startswith(
        f"{path} must be a PNG of 168x40 pixels with 8 bits each. "
        "Received: a file that cannot be read as one: "
    )
