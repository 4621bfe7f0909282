"""Reads a JPEG's Exif orientation and turns its pixels upright."""

import tensorflow as tf

JPEG_BEGINNING = b"\xff\xd8\xff"
# The Exif block, of up to 64 KiB, is among the first of a file.
EXIF_BYTES = 2**17


def begins_with(image_bytes, beginning: bytes) -> tf.Tensor:
    """Whether a scalar string tensor starts with `beginning`; bool scalar."""
    return tf.strings.substr(image_bytes, 0, len(beginning)) == beginning


def orientation(image_bytes) -> tf.Tensor:
    """A JPEG's Exif orientation, int32: 1 (upright) to 8; 0 if there is none.

    A damaged block may hold other numbers, which `upright` leaves alone.
    """
    head = tf.strings.substr(image_bytes, 0, EXIF_BYTES)
    found = [
        _byte_after(head, b"\x01\x12\x00\x03\x00\x00\x00\x01\x00"),
        _byte_after(head, b"\x12\x01\x03\x00\x01\x00\x00\x00"),
    ]
    is_jpeg = begins_with(image_bytes, JPEG_BEGINNING)
    return tf.where(is_jpeg, tf.maximum(*found), 0)


def _byte_after(head, pattern: bytes) -> tf.Tensor:
    """The byte after the first `pattern`, int32; 0 where there is none."""
    # A search of strings: on single bytes it takes milliseconds.
    parts = tf.strings.split(head, pattern, maxsplit=1)
    following = tf.io.decode_raw(parts[-1], tf.uint8, fixed_length=1)[0]
    return tf.where(tf.size(parts) > 1, tf.cast(following, tf.int32), 0)


def upright(pixels, camera) -> tf.Tensor:
    """Turns pixels `[h, w, c]` upright, given the value of `orientation`."""

    def is_one_of(*values):
        return tf.reduce_any(camera == tf.constant(values))

    pixels = tf.cond(
        is_one_of(5, 6, 7, 8),
        lambda: tf.transpose(pixels, [1, 0, 2]),
        lambda: pixels,
    )
    pixels = tf.cond(is_one_of(2, 3, 6, 7), lambda: pixels[:, ::-1], lambda: pixels)
    return tf.cond(is_one_of(3, 4, 7, 8), lambda: pixels[::-1], lambda: pixels)
