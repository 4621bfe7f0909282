"""Files that are no pictures are refused, by the reader and by the graph."""

import struct

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from picture_samples import drawn_canvas, encode, png_header

from mnist_sum_tf.data import picture_files, picture_headers
from mnist_sum_tf.data.picture_headers import read_picture
from mnist_sum_tf.data.pictures import canvas_from_bytes
from mnist_sum_tf.user_errors import UserError


@pytest.fixture(scope="module", name="canvas")
def draw_canvas():
    return drawn_canvas()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"", "Expected a PNG, JPEG, GIF or BMP"),
        (b"no image", "Expected a PNG, JPEG, GIF or BMP"),
        (png_header(20000, 20000), "Received:.*400000000"),
        (
            b"BM" + bytes(16) + struct.pack("<ii", 9000, -9000) + bytes(20),
            "Received:.*81000000",
        ),
        (png_header(0, 5), "Received:.*0"),
    ],
)
def test_the_graph_refuses_before_decoding(file, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        canvas_from_bytes(file)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_the_graph_refuses_a_file_cut_off(canvas, kind):
    file = encode(canvas, kind)
    with pytest.raises(tf.errors.InvalidArgumentError):
        canvas_from_bytes(file[: len(file) // 2])


def test_run_length_coded_bitmaps_are_refused(canvas):
    file = bytearray(encode(canvas, "BMP"))
    file[30] = 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected a PNG"):
        canvas_from_bytes(bytes(file))


@pytest.mark.parametrize(
    ("kind", "received"),
    [
        ("1", "one of 1 bits"),
        ("OS/2", "one of OS/2"),
        ("RLE", "one that is compressed, or with unusual masks"),
    ],
)
def test_other_bitmaps_are_named(tmp_path, canvas, kind, received):
    file = bytearray(encode(PIL.Image.fromarray(canvas).convert("L"), "BMP"))
    if kind == "1":
        file = encode(PIL.Image.fromarray(canvas).convert("1"), "BMP")
    elif kind == "RLE":
        file[30:34] = struct.pack("<I", 1)
    else:
        core = struct.pack("<IHHHH", 12, 2, 2, 1, 24)
        file = b"BM" + struct.pack("<IHHI", 42, 0, 0, 26) + core + bytes(16)
    (tmp_path / "a.bmp").write_bytes(bytes(file))
    with pytest.raises(UserError) as raised:
        read_picture(tmp_path / "a.bmp")
    assert str(raised.value) == (
        f"{tmp_path}/a.bmp: expected a BMP image of 8, 24 or 32 bits, not compressed. "
        f"Received: {received}"
    )


@pytest.mark.parametrize("header_bytes", [-(2**31), -15, 2**31 - 1])
def test_a_palette_outside_of_the_file_is_refused(canvas, header_bytes):
    file = bytearray(encode(canvas, "BMP"))
    file[14:18] = struct.pack("<i", header_bytes)
    decode = tf.function(picture_files.decode_picture, autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="bitmap with a palette"):
        decode(bytes(file))


def test_bitmaps_of_colours_in_another_order_are_refused(canvas):
    """TensorFlow takes the four bytes of a pixel for blue, green, red and alpha."""
    pixels = np.dstack([np.uint8(canvas // divisor) for divisor in (1, 2, 3)])
    info = struct.pack("<iiiHHIIiiII", 40, 168, -40, 1, 32, 3, 0, 0, 0, 0, 0)
    begin = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 40 + 12) + info

    def bitmap(red, green, blue):
        masks = struct.pack("<III", *(255 << 8 * place for place in (red, green, blue)))
        stored = np.zeros((40, 168, 4), np.uint8)
        stored[..., [red, green, blue]] = pixels
        return begin + masks + stored.tobytes()

    found = picture_files.decode_picture(bitmap(2, 1, 0))
    np.testing.assert_array_equal(found, pixels)
    for order in ((0, 1, 2), (3, 2, 1), (2, 1, 3)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Expected a PNG"):
            picture_files.decode_picture(bitmap(*order))


def test_read_picture_returns_the_bytes(canvas, tmp_path):
    for kind in ("PNG", "JPEG", "GIF", "BMP"):
        path = tmp_path / "picture"
        path.write_bytes(encode(canvas, kind))
        assert read_picture(path) == encode(canvas, kind)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"no image at all", "a file that is no image"),
        (b"\x89PNG\r\n\x1a\n", "a file that is no image"),
        (png_header(9000, 9000), "Received: 9000x9000"),
        (png_header(60000, 60000), "several times as many"),
        (png_header(0, 5), "without pixels"),
        (b"GIF89a" + bytes(7) + b";", "without pixels"),
        (encode(np.zeros((4, 4), np.uint8), "TIFF"), "a TIFF file"),
    ],
)
def test_read_picture_names_the_file_and_its_fault(tmp_path, content, message):
    path = tmp_path / "wrong.png"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_picture(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_telephones_jpeg_may_have_more_pictures_behind(canvas, tmp_path):
    first = PIL.Image.fromarray(canvas)
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[first])
    with PIL.Image.open(tmp_path / "a.jpg") as image:
        assert image.format == "MPO"
    pixels = canvas_from_bytes(read_picture(tmp_path / "a.jpg"))[..., 0].numpy()
    assert np.abs(pixels.astype(int) - canvas).mean() < 3


def test_of_an_animation_the_first_frame_counts(tmp_path, monkeypatch):
    for module in (picture_files, picture_headers):
        monkeypatch.setattr(module, "MAX_PIXELS", 400)
    frames = [PIL.Image.new("L", (20, 20), shade) for shade in (99, 0, 255)]
    path = tmp_path / "many.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    pixels = picture_files.decode_picture(read_picture(path))
    np.testing.assert_array_equal(pixels, np.full((20, 20, 3), 99))


def test_a_picture_may_have_just_as_many_pixels(tmp_path, monkeypatch):
    for module in (picture_files, picture_headers):
        monkeypatch.setattr(module, "MAX_PIXELS", 40 * 168)
    path = tmp_path / "picture.png"
    path.write_bytes(encode(np.zeros((40, 168), np.uint8)))
    pixels = picture_files.decode_picture(read_picture(path))
    assert pixels.shape == (40, 168, 3)
    file = encode(np.zeros((40, 169), np.uint8))
    path.write_bytes(file)
    with pytest.raises(UserError, match="up to 6720 pixels. Received: 169x40"):
        read_picture(path)
    with pytest.raises(tf.errors.InvalidArgumentError, match="up to 6720 .*\n6760"):
        picture_files.decode_picture(file)


def test_read_picture_without_a_file(tmp_path):
    with pytest.raises(UserError, match="there is no such image file"):
        read_picture(tmp_path / "missing.png")
    with pytest.raises(UserError, match="Received: a folder"):
        read_picture(tmp_path)


def test_read_picture_of_what_cannot_be_opened(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be read. Received: Not a dir"):
        read_picture(tmp_path / "file" / "picture.png")
