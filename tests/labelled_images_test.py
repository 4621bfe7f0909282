import warnings

import numpy as np
import pytest
from PIL import Image

from mnist_sum_tf.config import UserError
from mnist_sum_tf.data.labelled_images import (
    read_labelled_images,
    read_npy_pair,
    read_png_folder,
)


def noise(count, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 40, 168), np.uint8)


def save_png(path, pixels, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, format="PNG")


def save_pair(folder, images, sums):
    np.save(folder / "images.npy", images)
    np.save(folder / "sums.npy", sums)
    return str(folder / "images.npy"), str(folder / "sums.npy")


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
        with pytest.raises(UserError, match="white ink .* Received: light paper in 100% of 2"):
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


def test_a_few_images_on_light_paper_are_let_pass(tmp_path):
    images = np.zeros((20, 40, 168), np.uint8)
    images[:, 10:30, 50:60] = 255
    images[:2] = 255 - images[:2]
    assert len(read_labelled_images(*save_pair(tmp_path, images, [5] * 20)).sums)
    images[2] = 150
    with pytest.raises(UserError, match="light paper in 15% of 20 images"):
        read_labelled_images(*save_pair(tmp_path, images, [5] * 20))


def pair(folder):
    return folder / "images.npy", folder / "sums.npy"


def text(path):
    return path and str(path)


# PNG folders


def test_png_folder(tmp_path):
    images = noise(4)
    save_png(tmp_path / "tiled" / "0428.png", images[0])
    save_png(tmp_path / "tiled" / "0428_00017.png", images[1])
    save_png(tmp_path / "scattered" / "9999 copy.PNG", images[2])
    save_png(tmp_path / "1000-b.png", images[3])
    save_png(tmp_path / ".hidden" / "x.png", images[0])
    (tmp_path / "notes.txt").write_text("not an image")
    labelled = read_png_folder(str(tmp_path))
    assert labelled.names == [
        "1000-b.png", "scattered/9999 copy.PNG", "tiled/0428.png",
        "tiled/0428_00017.png",
    ]  # fmt: skip
    np.testing.assert_array_equal(labelled.images, images[[3, 2, 0, 1]])
    assert labelled.images.dtype == np.uint8
    assert labelled.digits.tolist() == [
        [1, 0, 0, 0], [9, 9, 9, 9], [0, 4, 2, 8], [0, 4, 2, 8],
    ]  # fmt: skip
    assert labelled.sums.tolist() == [1, 36, 14, 14]
    assert labelled.digits.dtype == labelled.sums.dtype == np.int32


def test_linked_folders_are_read_once(tmp_path):
    images = noise(2)
    save_png(tmp_path / "elsewhere" / "0001.png", images[0])
    save_png(tmp_path / "mine" / "0002.png", images[1])
    (tmp_path / "mine" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "mine" / "again").symlink_to(tmp_path / "mine")
    (tmp_path / "mine" / "0003.png").symlink_to(tmp_path / "gone.png")
    labelled = read_png_folder(str(tmp_path / "mine"))
    assert labelled.names == ["0002.png", "more/0001.png"]
    np.testing.assert_array_equal(labelled.images, images[::-1])


def test_pngs_of_other_colour_modes(tmp_path):
    grey = noise(1)[0]
    save_png(tmp_path / "0000_L.png", grey)
    save_png(tmp_path / "0001_RGB.png", grey, "RGB")
    save_png(tmp_path / "0002_P.png", grey, "P")
    save_png(tmp_path / "0003_LA.png", grey, "LA")
    ink = np.where(grey > 127, 255, 0).astype(np.uint8)
    Image.fromarray(ink).convert("1").save(tmp_path / "0004_1.png")
    # White throughout; only what is opaque is seen.
    white = np.full((40, 168, 4), 255, np.uint8)
    white[..., 3] = ink
    Image.fromarray(white).save(tmp_path / "0005_RGBA.png")
    images = read_png_folder(str(tmp_path)).images
    for image in images[:4]:
        np.testing.assert_array_equal(image, grey)
    for image in images[4:]:
        np.testing.assert_array_equal(image, ink)


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
        f"as in 0428.png or 0428_00017.png. Received: {name!r}"
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
        f"{path} must be a PNG of 168x40 pixels with 8 bits each. "
        "Received: 40x168"
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


# Pairs of .npy files


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


def with_pixel(value):
    images = noise(3).astype(np.float32)
    images[1, 2, 3] = value
    return images


PIXELS = "must be numbers 0 to 1 or 0 to 255. Received:"
SHAPE = "must have the shape [n, 40, 168]. Received:"
SUMS = "must be whole numbers 0 to 36. Received:"
NUMBERS = "must be an .npy file of numbers. Received:"


@pytest.mark.parametrize(
    "images, sums, message",
    [
        (with_pixel(np.nan), [1, 2, 3], f"--images={{images}} {PIXELS} nan in image 1"),
        (with_pixel(np.inf), [1, 2, 3], f"--images={{images}} {PIXELS} inf in image 1"),
        (with_pixel(-1), [1, 2, 3], f"--images={{images}} {PIXELS} -1.0 in image 1"),
        (with_pixel(256), [1, 2, 3], f"--images={{images}} {PIXELS} 256.0 in image 1"),
        (noise(3)[:, :28], [1, 2, 3], f"--images={{images}} {SHAPE} [3, 28, 168]"),
        (noise(3)[..., None], [1, 2, 3], f"--images={{images}} {SHAPE} [3, 40, 168, 1]"),
        (noise(1)[0], [1], f"--images={{images}} {SHAPE} [40, 168]"),
        (np.uint8(1), [1], f"--images={{images}} {SHAPE} []"),
        (noise(0), [], f"--images={{images}} {SHAPE} [0, 40, 168]"),
        (noise(3) > 9, [1, 2, 3], f"--images={{images}} {NUMBERS} bool"),
        (noise(3), [1, 2], "--sums={sums} must have the shape [3], a sum for each image. Received: [2]"),
        (noise(3), [[1], [2], [3]], "--sums={sums} must have the shape [3], a sum for each image. Received: [3, 1]"),
        (noise(3), [1, 2, 37], f"--sums={{sums}} {SUMS} 37 at index 2"),
        (noise(3), [-1, 2, 3], f"--sums={{sums}} {SUMS} -1 at index 0"),
        (noise(3), [1, 2.5, 3], f"--sums={{sums}} {SUMS} 2.5 at index 1"),
        (noise(3), [1, np.nan, 3], f"--sums={{sums}} {SUMS} nan at index 1"),
        (noise(3), ["1", "2", "3"], f"--sums={{sums}} {NUMBERS} <U1"),
    ],
)  # fmt: skip
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
        f"--images={missing} must be an .npy file of numbers. "
        "Received: no such file"
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
)  # fmt: skip
def test_unreadable_npy(tmp_path, spoil):
    images, sums = save_pair(tmp_path, noise(1), [3])
    spoil(tmp_path / "images.npy")
    with pytest.raises(UserError) as caught:
        read_npy_pair(images, sums)
    assert str(caught.value).startswith(f"--images={images} {NUMBERS}")
    assert "\n" not in str(caught.value)


def test_folder_and_pair_are_told_apart(tmp_path):
    save_png(tmp_path / "0428.png", noise(1)[0])
    images, sums = save_pair(tmp_path, noise(2), [3, 4])
    assert read_labelled_images(str(tmp_path), None).names == ["0428.png"]
    assert read_labelled_images(images, sums).sums.tolist() == [3, 4]
    with pytest.raises(UserError, match="together with --sums.*alone"):
        read_labelled_images(images, None)
    with pytest.raises(UserError, match="--sums goes with an .npy"):
        read_labelled_images(str(tmp_path), sums)
