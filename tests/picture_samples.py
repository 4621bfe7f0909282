"""Canvases and files of pictures for tests."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import tensorflow as tf

from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.data.pictures import canvas_from_bytes


def drawn_canvas():
    """Four test digits of their own size, white on black, uint8 [40, 168]."""
    images = load_digits(split="test").images[:4]
    drawn = np.zeros((40, 168), np.uint8)
    for number, digit in enumerate(images):
        drawn[6:34, 7 + 40 * number : 35 + 40 * number] = digit
    return drawn


def encode(pixels, kind="PNG", **options):
    image = pixels
    if not isinstance(pixels, PIL.Image.Image):
        image = PIL.Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width, height):
    """The beginning of a PNG that promises so many pixels."""
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(content))
    beginning = b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + content + checksum
    return beginning + b"\0\0\x10\0IDAT"


def enlarged(pixels, times):
    return pixels.repeat(times, 0).repeat(times, 1)


def read(image_bytes):
    """What the graph makes of a file, uint8 [40, 168]."""
    result = canvas_from_bytes(image_bytes)
    assert result.shape == (40, 168, 1) and result.dtype == tf.uint8
    return result.numpy()[..., 0]
