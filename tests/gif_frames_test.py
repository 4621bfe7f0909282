"""Of a GIF, the first frame is decoded, and nothing else."""

import io
import struct

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from picture_samples import drawn_canvas, encode

from mnist_sum_tf.data import gif_frames, picture_files
from mnist_sum_tf.data.pictures import canvas_from_bytes

PALETTE = bytes(range(90, 96))  # two colours: 90, 91, 92 and 93, 94, 95
ONE_PIXEL = b"\x02\x02\x4c\x01\0"  # of the index 1
HAS_PALETTE = 0x80  # of two colours


def header(width=1, height=1, palette=PALETTE) -> bytes:
    screen = struct.pack("<HHBBB", width, height, HAS_PALETTE if palette else 0, 0, 0)
    return b"GIF89a" + screen + palette


def image(left=0, top=0, width=1, height=1, palette=b"", data=ONE_PIXEL) -> bytes:
    place = struct.pack(
        "<HHHHB", left, top, width, height, HAS_PALETTE if palette else 0
    )
    return b"," + place + palette + data


def control(index: int, is_transparent=True) -> bytes:
    return b"!\xf9\x04" + bytes([is_transparent, 0, 0, index]) + b"\0"


def decode(file: bytes) -> np.ndarray:
    return gif_frames.decode_frame(gif_frames.find_first_frame(file)).numpy()


def test_a_pixel_has_the_colour_of_its_index():
    np.testing.assert_array_equal(
        decode(header() + image() + b";"), [[[93, 94, 95, 255]]]
    )


def test_a_frame_may_have_a_palette_of_its_own():
    own = image(palette=bytes(range(6)))
    for shared in (PALETTE, b""):
        file = header(palette=shared) + own + b";"
        np.testing.assert_array_equal(decode(file), [[[3, 4, 5, 255]]])


@pytest.mark.parametrize(
    ("before", "alpha"),
    [
        (control(1), 0),
        (control(0), 255),
        (control(1, is_transparent=False), 255),
        (control(0) + control(1), 0),
        (b"!\xfe\x03abc\x02de\0" + control(1), 0),
        (control(1) + b"!\xfe\x07" + control(0)[:7] + b"\0", 0),  # in a comment
    ],
)
def test_extensions_before_the_frame_say_what_is_transparent(before, alpha):
    file = header() + before + image() + control(0) + image() + b";"
    np.testing.assert_array_equal(decode(file), [[[93, 94, 95, alpha]]])


def test_where_the_frame_lies_on_its_screen_does_not_matter():
    file = header(7, 5) + image(left=3, top=2) + b";"
    np.testing.assert_array_equal(decode(file), [[[93, 94, 95, 255]]])


def test_an_index_without_a_colour_is_black():
    three = b"\x02\x02\x5c\x01\0"  # the index 3
    file = header() + image(data=three) + b";"
    np.testing.assert_array_equal(decode(file), [[[0, 0, 0, 255]]])


@pytest.mark.parametrize("interlace", [0, 1])
def test_as_pillow_decodes_it(interlace):
    colours = np.random.default_rng(0).integers(0, 256, [200, 3], np.uint8)
    indices = np.random.default_rng(1).integers(0, 200, [37, 53], np.uint8)
    picture = PIL.Image.fromarray(indices, "P")
    picture.putpalette(colours.tobytes())
    file = encode(picture, "GIF", interlace=interlace, comment=b"," * 600)
    found = decode(file)
    np.testing.assert_array_equal(found[..., :3], colours[indices])
    expected = PIL.Image.open(io.BytesIO(file)).convert("RGBA")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shade", [0, 255])
def test_transparent_paper_is_of_the_other_shade_than_the_ink(shade):
    canvas = np.where(drawn_canvas() > 127, 255, 0).astype(np.uint8)
    picture = PIL.Image.fromarray((canvas == 255).astype(np.uint8), "P")
    picture.putpalette([shade] * 6)  # the paper's colour is the ink's
    file = encode(picture, "GIF", transparency=0)
    np.testing.assert_array_equal(canvas_from_bytes(file)[..., 0], canvas)


def test_a_frame_larger_than_its_screen_is_refused_before_it_is_decoded():
    file = header() + image(width=40000, height=40000) + b";"
    with pytest.raises(tf.errors.InvalidArgumentError, match="\n1600000000"):
        picture_files.decode_picture(file)


def test_later_frames_are_not_decoded():
    """A thousand of them on a large screen, one of them huge, would fill the memory."""
    later = 999 * image() + image(width=60000, height=60000)
    file = header(7000, 7000) + image() + later + b";"
    np.testing.assert_array_equal(picture_files.decode_picture(file), [[[93, 94, 95]]])


@pytest.mark.parametrize("length", [8, 15, 18, 22, 28, 31, 33])
def test_a_file_cut_off_is_refused(length):
    file = header() + control(1) + image() + b";"
    assert decode(file).shape == (1, 1, 4)
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(file[:length])


@pytest.mark.parametrize("beginning", [b"", b";", b"!\xfe\x03abc\0;", b"\0" + image()])
def test_a_file_without_a_frame_is_refused(beginning):
    with pytest.raises(tf.errors.InvalidArgumentError, match="GIF with a whole frame"):
        picture_files.decode_picture(header() + beginning)


def test_a_file_without_colours_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="and its colours"):
        picture_files.decode_picture(header(palette=b"") + image() + b";")


def test_blocks_are_bounded(monkeypatch):
    monkeypatch.setattr(gif_frames, "MOST_BLOCKS", 8)
    comment = b"!\xfe" + 3 * b"\x01a" + b"\0"  # four blocks
    pieces = b"\x02" + b"\x01\x4c" + b"\x01\x01" + b"\0"
    file = header() + comment + image(data=pieces) + b";"
    np.testing.assert_array_equal(decode(file), [[[93, 94, 95, 255]]])
    for longer in (2 * comment, comment.replace(b"\x01a", 3 * b"\x01a")):
        file = header() + longer + image(data=pieces) + b";"
        with pytest.raises(tf.errors.InvalidArgumentError, match="first 8 blocks"):
            decode(file)
