"""A GIF's first frame, as TensorFlow ops.

TensorFlow decodes all frames, of whatever sizes they claim, and ignores
transparency. So the first frame is cut out as a file of its own, whose colours are
grey levels equal to their indices, which are then looked up here.

The format: W3C, "Graphics Interchange Format, Version 89a" (1990).
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

HEADER_BYTES = 13  # signature, and logical screen
DESCRIPTOR_BYTES = 10
EXTENSION, IMAGE = 0x21, 0x2C  # how these blocks begin
GRAPHIC_CONTROL = 0xF9
NUM_COLOURS = 256
# Enough for 66 MB in blocks of the usual 255 bytes; so many take one or two seconds.
MOST_BLOCKS = 2**18
GREY_LEVELS = np.repeat(np.arange(NUM_COLOURS, dtype=np.uint8), 3).tobytes()


class Frame(NamedTuple):
    """A file's first frame, not decoded yet, as scalar tensors.

    Attributes:
        num_pixels: int64.
        size: its width and height as in the file, a string of 4 bytes.
        flags: those of its descriptor, int32.
        transparent: the index of the transparent colour, -1 where there is none.
        palette: its colours, or else those of the file: a string of 3 bytes each.
        data: its compressed pixels, a string.
    """

    num_pixels: tf.Tensor
    size: tf.Tensor
    flags: tf.Tensor
    transparent: tf.Tensor
    palette: tf.Tensor
    data: tf.Tensor


def find_first_frame(image_bytes) -> Frame:
    """Finds a GIF's first frame without decoding it.

    Args:
        image_bytes: scalar string tensor, a GIF.

    Raises:
        tf.errors.InvalidArgumentError: if it has none, or ends within it, or has
            more than `MOST_BLOCKS` blocks up to there.
    """
    values = _bytes_of(image_bytes)
    num_shared = _palette_bytes(_at(values, 10))
    begin, control, blocks = _after_extensions(values, HEADER_BYTES + num_shared)
    flags = _at(values, begin + 9)
    num_own = _palette_bytes(flags)
    data_begin = begin + DESCRIPTOR_BYTES + num_own
    # A byte before its blocks says how many bits the first codes have.
    data_end, blocks = _after_sub_blocks(values, data_begin + 1, blocks)
    has_colours = num_shared + num_own > 0
    is_whole = (_at(values, begin) == IMAGE) & has_colours & (blocks < MOST_BLOCKS)
    with tf.control_dependencies([_assert_whole(is_whole, values, data_end)]):
        image_bytes = tf.identity(image_bytes)
    has_own = num_own > 0
    palette_begin = tf.where(has_own, begin + DESCRIPTOR_BYTES, HEADER_BYTES)
    return Frame(
        _two_bytes(values, begin + 5) * _two_bytes(values, begin + 7),
        tf.strings.substr(image_bytes, begin + 5, 4),
        flags,
        _transparent_index(values, control),
        tf.strings.substr(
            image_bytes, palette_begin, tf.where(has_own, num_own, num_shared)
        ),
        tf.strings.substr(image_bytes, data_begin, data_end - data_begin),
    )


def _assert_whole(is_whole, values, end):
    return tf.debugging.Assert(
        is_whole & (end < tf.size(values)),
        [
            "Expected a GIF with a whole frame, and its colours, within its first "
            f"{MOST_BLOCKS} blocks. Received:",
            tf.size(values) - 1,
            "bytes, in which the first frame ends at",
            end,
        ],
    )


def decode_frame(frame: Frame) -> tf.Tensor:
    """Decodes a frame.

    Returns:
        uint8 `[height, width, 4]`, the last one alpha, 0 or 255. Indices without a
        colour are black.

    Raises:
        tf.errors.InvalidArgumentError: if it is broken.
    """
    is_interlaced = tf.bitwise.bitwise_and(frame.flags, 0x40) > 0
    # 0xF7: there is a palette of 256 colours, which have eight bits.
    screen = tf.strings.join([b"GIF89a", frame.size, b"\xf7\0\0", GREY_LEVELS])
    descriptor = tf.strings.join(
        [b",\0\0\0\0", frame.size, tf.where(is_interlaced, b"\x40", b"\0")]
    )
    alone = tf.strings.join([screen, descriptor, frame.data, b";"])
    indices = tf.cast(tf.io.decode_gif(alone)[0, ..., 0], tf.int32)
    palette = tf.io.decode_raw(frame.palette, tf.uint8, fixed_length=3 * NUM_COLOURS)
    colours = tf.gather(tf.reshape(palette, [NUM_COLOURS, 3]), indices)
    alpha = tf.where(indices == frame.transparent, 0, 255)
    return tf.concat([colours, tf.cast(alpha, tf.uint8)[..., tf.newaxis]], axis=-1)


def _bytes_of(image_bytes) -> tf.Tensor:
    """A file's bytes, uint8 `[n + 1]`, and a 0, which ends whatever is looked for."""
    values = tf.io.decode_raw(image_bytes, tf.uint8)
    return tf.concat([values, tf.zeros([1], tf.uint8)], axis=0)


def _at(values, position) -> tf.Tensor:
    """A byte, int32; beyond the end that of `_bytes_of`."""
    last = tf.size(values) - 1
    return tf.cast(tf.gather(values, tf.minimum(position, last)), tf.int32)


def _two_bytes(values, position) -> tf.Tensor:
    number = _at(values, position) + 256 * _at(values, position + 1)
    return tf.cast(number, tf.int64)


def _palette_bytes(flags) -> tf.Tensor:
    """Length of the palette that these flags announce, 0 for none."""
    return tf.where(flags >= 128, 3 * 2 ** (flags % 8 + 1), 0)


def _after_extensions(values, begin):
    """Skips extensions.

    Returns the position after them, that of the last graphic control extension (-1 for
    none), and the number of blocks skipped, all int32.
    """

    def is_extension(position, control, blocks):
        del control
        return (_at(values, position) == EXTENSION) & (blocks < MOST_BLOCKS)

    def skip(position, control, blocks):
        is_control = _at(values, position + 1) == GRAPHIC_CONTROL
        end, blocks = _after_sub_blocks(values, position + 2, blocks + 1)
        return end, tf.where(is_control, position, control), blocks

    return tf.while_loop(is_extension, skip, [begin, tf.constant(-1), tf.constant(0)])


def _after_sub_blocks(values, begin, blocks):
    """Skips blocks that begin with their length, up to and with an empty one.

    Returns the position after them, and `blocks` plus their number.
    """

    def goes_on(position, length, blocks):
        del position
        return (length > 0) & (blocks < MOST_BLOCKS)

    def skip(position, length, blocks):
        position += 1 + length
        return position, _at(values, position), blocks + 1

    end, _, blocks = tf.while_loop(goes_on, skip, [begin, _at(values, begin), blocks])
    return end + 1, blocks


def _transparent_index(values, control) -> tf.Tensor:
    """A graphic control extension's transparent colour, -1 for none; int32."""

    def read():
        has_one = _at(values, control + 3) % 2 == 1
        return tf.where(has_one, _at(values, control + 6), -1)

    return tf.cond(control < 0, lambda: tf.constant(-1), read)
