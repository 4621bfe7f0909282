"""What the bytes of each format decode to: palettes, few bits, transparency, Exif."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from picture_samples import drawn_canvas, encode, enlarged, read

from mnist_sum_tf.data import picture_files


@pytest.fixture(scope="module", name="canvas")
def draw_canvas():
    return drawn_canvas()


def test_bitmaps_with_a_palette_show_its_colours(canvas):
    """Not the places in it, which are in any order."""
    image = PIL.Image.fromarray(255 - canvas, "P")
    image.putpalette([each for grey in range(256) for each in [255 - grey] * 3])
    np.testing.assert_array_equal(read(encode(image, "BMP")), canvas)
    few = PIL.Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    few.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    pixels = picture_files.decode_picture(encode(few, "BMP")).numpy()
    first, second, third = [10, 20, 30], [40, 50, 60], [70, 80, 90]
    np.testing.assert_array_equal(pixels, [[first, second], [third, second]])


def test_a_palette_stands_behind_a_header_of_any_size():
    """Of version 5 with 124 bytes; Pillow writes the first one, with 40."""
    few = PIL.Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    few.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    file = encode(few, "BMP")
    size, begin = struct.unpack("<I4xI", file[2:14])
    longer = struct.pack("<I4xII", size + 84, begin + 84, 124)
    longer = b"BM" + longer + file[18:54] + bytes(84) + file[54:]
    pixels = picture_files.decode_picture(longer).numpy()
    first, second, third = [10, 20, 30], [40, 50, 60], [70, 80, 90]
    np.testing.assert_array_equal(pixels, [[first, second], [third, second]])


def test_bitmaps_may_say_which_bits_are_which_colour():
    """Compression 3 of 32 bits: masks of red, green and blue behind the header."""
    file = encode(PIL.Image.new("RGBA", (2, 1), (10, 20, 30, 255)), "BMP")
    masks = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
    size, begin = struct.unpack("<I4xI", file[2:14])
    file = (
        b"BM"
        + struct.pack("<I4xI", size + 12, begin + 12)
        + file[14:30]
        + struct.pack("<I", 3)
        + file[34:54]
        + masks
        + file[54:]
    )
    pixels = picture_files.decode_picture(file).numpy()
    np.testing.assert_array_equal(pixels, [[[10, 20, 30]] * 2])


def test_one_and_four_bits_per_pixel(canvas):
    black_or_white = np.where(canvas > 127, 255, 0).astype(np.uint8)
    image = PIL.Image.fromarray(black_or_white)
    np.testing.assert_array_equal(read(encode(image.convert("1"))), black_or_white)
    palette = PIL.Image.fromarray(black_or_white // 255, "P")
    palette.putpalette([0, 0, 0, 255, 255, 255])
    np.testing.assert_array_equal(read(encode(palette, bits=4)), black_or_white)
    # Black is transparent: the white that is left stands on black paper.
    np.testing.assert_array_equal(
        read(encode(palette, bits=4, transparency=0)), black_or_white
    )


def test_four_bits_of_grey():
    """The shades 0, 5 and 15 of 15."""
    header = struct.pack(">IIBBBBB", 3, 1, 4, 0, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(b"\0\x05\xf0")),
            (b"IEND", b""),
        )
    )
    pixels = picture_files.decode_picture(file).numpy()
    np.testing.assert_array_equal(pixels, [[[0] * 3, [85] * 3, [255] * 3]])


@pytest.mark.parametrize("shade", [0, 255])
def test_transparent_paper_is_of_the_other_shade_than_the_ink(canvas, shade):
    colour = np.full((40, 168, 3), shade, np.uint8)
    file = encode(np.dstack([colour, canvas]))
    np.testing.assert_array_equal(read(file), canvas)


def test_transparent_corners_of_opaque_paper_are_paper():
    rgba = np.full((40, 40, 4), 255, np.uint8)
    rgba[10:20, 10:20, :3] = 0
    rgba[:4, :4] = 0
    pixels = picture_files.decode_picture(encode(rgba)).numpy()
    assert (pixels[:4, :4] == 255).all() and (pixels[10:20, 10:20] == 0).all()


def test_half_transparent_pixels_are_mixed():
    rgba = np.zeros((1, 4, 4), np.uint8)
    rgba[0, :, 3] = [0, 0, 51, 255]  # Black ink: on white paper.
    pixels = picture_files.decode_picture(encode(rgba)).numpy()
    assert pixels[0, :, 0].tolist() == [255, 255, 204, 0]


def test_of_an_animated_gif_the_first_frame(canvas):
    frames = [PIL.Image.fromarray(x) for x in (canvas, canvas[::-1].copy())]
    file = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read(file), canvas)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_photographs_stand_upright(orientation, order):
    blocks = np.arange(0, 240, 20, dtype=np.uint8).reshape(3, 4)
    image = PIL.Image.fromarray(enlarged(blocks, 16))
    exif = PIL.Image.Exif()
    exif.endian = order
    exif[0x0112] = orientation
    file = encode(image, "JPEG", exif=exif, quality=100)
    # Other data of up to 64 KiB may come before the camera's.
    file = (
        file[:2] + b"\xff\xe1" + (60_002).to_bytes(2, "big") + 60_000 * b"x" + file[2:]
    )
    upright = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(file)))
    pixels = picture_files.decode_picture(file).numpy()
    assert pixels.shape[:2] == np.asarray(upright).shape
    difference = pixels[..., 0].astype(int) - np.asarray(upright)
    assert np.abs(difference).max() < 4
