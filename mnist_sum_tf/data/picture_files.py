"""The bytes of an image file -> its pixels, upright and without transparency.

All of it is TensorFlow ops, so it works the same on a server that has nothing but the
exported graph.
"""

import tensorflow as tf

from mnist_sum_tf.data import gif_frames
from mnist_sum_tf.data.orientation import (
    JPEG_BEGINNING,
    begins_with,
    orientation,
    upright,
)
from mnist_sum_tf.data.picture_headers import MAX_PIXELS, USUAL_MASKS

PNG_BEGINNING = b"\x89PNG\r\n\x1a\n"
HEAD_BYTES = 66
# Transparent pictures are laid on paper in pieces: whole, the largest would take
# gigabytes.
PIECE_PIXELS = 2**20


def decode_picture(image_bytes) -> tf.Tensor:
    """Decodes an image file.

    Args:
        image_bytes: scalar string tensor, the bytes of a PNG, JPEG, GIF (its
            first frame) or BMP.

    Returns:
        uint8 `[height, width, 3]`, red, green, blue; turned upright as a
        JPEG's Exif block says; 16 bits cut to 8; what is transparent in a PNG or
        GIF laid on white or black paper, whichever its ink stands out from.

    Raises:
        tf.errors.InvalidArgumentError: if it is no such image or has more than
            `MAX_PIXELS` pixels (both found before anything is decoded), or is
            broken.
    """
    head = tf.io.decode_raw(image_bytes, tf.uint8, fixed_length=HEAD_BYTES)
    is_png = begins_with(image_bytes, PNG_BEGINNING)
    is_gif = begins_with(image_bytes, b"GIF8")
    is_jpeg = begins_with(image_bytes, JPEG_BEGINNING)
    known = tf.debugging.Assert(
        is_png | is_gif | is_jpeg | _is_plain_bitmap(image_bytes, head),
        ["Expected a PNG, JPEG, GIF or BMP image. Received bytes:", head[:8]],
    )
    with tf.control_dependencies([known]):
        image_bytes = tf.identity(image_bytes)
    return tf.case(
        [
            (is_png, lambda: _without_alpha(_decode_png(image_bytes, head))),
            (is_gif, lambda: _without_alpha(_decode_gif(image_bytes))),
            (is_jpeg, lambda: _decode_jpeg(image_bytes)),
        ],
        default=lambda: _decode_bitmap(image_bytes, head),
    )


def _is_plain_bitmap(image_bytes, head) -> tf.Tensor:
    """Whether it is a bitmap that TensorFlow does not misread.

    It takes run-length codes (compression 1 and 2) for pixels, and colours in another
    order than blue, green, red (compression 3, with masks) for these.
    """
    compression = _number(head[30:34])
    has_usual_masks = tf.reduce_all(head[54:66] == USUAL_MASKS)
    is_plain = (compression == 0) | ((compression == 3) & has_usual_masks)
    return begins_with(image_bytes, b"BM") & is_plain


def _bounded(image_bytes, num_pixels) -> tf.Tensor:
    """The bytes, once the number of pixels is checked."""
    bounded = tf.debugging.Assert(
        (num_pixels > 0) & (num_pixels <= MAX_PIXELS),
        [f"Expected an image of up to {MAX_PIXELS} pixels. Received:", num_pixels],
    )
    with tf.control_dependencies([bounded]):
        return tf.identity(image_bytes)


def _decode_gif(image_bytes) -> tf.Tensor:
    """A GIF's first frame -> uint8 `[height, width, 4]`, the last one alpha."""
    frame = gif_frames.find_first_frame(image_bytes)
    data = _bounded(frame.data, frame.num_pixels)
    return gif_frames.decode_frame(frame._replace(data=data))


def _decode_jpeg(image_bytes) -> tf.Tensor:
    shape = tf.image.extract_jpeg_shape(image_bytes, tf.int64)
    image_bytes = _bounded(image_bytes, shape[0] * shape[1])
    pixels = tf.io.decode_image(image_bytes, 3, expand_animations=False)
    return upright(pixels, orientation(image_bytes))


def _decode_bitmap(image_bytes, head) -> tf.Tensor:
    image_bytes = _bounded(image_bytes, _area(head[18:22], head[22:26]))
    pixels = tf.io.decode_image(image_bytes, 3, expand_animations=False)
    return _in_colours(pixels, image_bytes, head)


def _in_colours(pixels, image_bytes, head) -> tf.Tensor:
    """Looks up a palette BMP's colours, of which TensorFlow returns the indices."""

    def look_up():
        begin = 14 + _number(head[14:18])
        length = tf.cast(tf.strings.length(image_bytes), tf.int64)
        # TensorFlow's own error would have the file's bytes in it.
        is_within = tf.debugging.Assert(
            (begin >= 14) & (begin < length),
            ["Expected a bitmap with a palette. Received one that begins at", begin],
        )
        with tf.control_dependencies([is_within]):
            palette = tf.strings.substr(image_bytes, begin, 4 * 256)
        palette = tf.io.decode_raw(palette, tf.uint8, fixed_length=4 * 256)
        # Blue, green, red, and an unused byte.
        colours = tf.reshape(palette, [256, 4])[:, 2::-1]
        return tf.gather(colours, tf.cast(pixels[..., 0], tf.int32))

    return tf.cond(_number(head[28:30]) == 8, look_up, lambda: pixels)


def _number(little_endian) -> tf.Tensor:
    """One to four bytes -> int64; four bytes may be negative."""
    size = little_endian.shape[0]
    powers = tf.constant([256**i for i in range(size)], tf.int64)
    number = tf.reduce_sum(tf.cast(little_endian, tf.int64) * powers)
    return tf.where(number < 2**31, number, number - 2**32)


def _area(width, height) -> tf.Tensor:
    # The height of a bitmap stored from top to bottom is negative.
    return _number(width) * tf.abs(_number(height))


def _decode_png(image_bytes, head) -> tf.Tensor:
    """A PNG of any kind -> uint8 `[height, width, 4]`, the last one alpha."""
    image_bytes = _bounded(image_bytes, _area(head[19:15:-1], head[23:19:-1]))
    bits = head[24]
    # Below eight bits TensorFlow fills in a wrong alpha where there is none.
    pixels = tf.cond(
        bits < 8,
        lambda: tf.io.decode_png(image_bytes, channels=0),
        lambda: tf.io.decode_png(image_bytes, channels=4),
    )
    num_channels = tf.shape(pixels)[-1]
    rgb = tf.cond(
        num_channels < 3,
        lambda: tf.repeat(pixels[..., :1], 3, axis=-1),
        lambda: pixels[..., :3],
    )
    alpha = tf.cond(
        num_channels % 2 == 0,
        lambda: pixels[..., -1:],
        lambda: tf.fill(tf.shape(pixels[..., :1]), tf.constant(255, tf.uint8)),
    )
    rgba = tf.concat([rgb, alpha], axis=-1)
    return tf.ensure_shape(rgba, [None, None, 4])


def _without_alpha(rgba) -> tf.Tensor:
    """Lays a picture on paper; uint8 `[h, w, 4]` -> uint8 `[h, w, 3]`."""
    is_opaque = tf.reduce_min(rgba[..., 3]) == 255
    return tf.cond(is_opaque, lambda: rgba[..., :3], lambda: _on_paper(rgba))


def _on_paper(rgba) -> tf.Tensor:
    # What is visible of a mostly transparent picture is its ink, which needs paper
    # of the other shade; what is seen of a mostly opaque one is its paper.
    pieces = _pieces_of(rgba)
    seen, total = tf.unstack(tf.reduce_sum(_map(_light_and_alpha, pieces), axis=0))
    num_pixels = tf.size(rgba, tf.int64) // 4
    is_seen_light = 2 * seen >= 3 * 255 * total
    is_mostly_seen = 2 * total >= 255 * num_pixels
    white = tf.where(is_seen_light == is_mostly_seen, 255, 0)

    def lay(rgb, alpha):
        paper = white * (255 - alpha)
        return tf.cast((rgb * alpha + paper + 127) // 255, tf.uint8)

    laid = tf.reshape(_map(lay, pieces, tf.uint8), [-1, 3])[:num_pixels]
    return tf.reshape(laid, tf.shape(rgba) - [0, 0, 1])


def _light_and_alpha(rgb, alpha) -> tf.Tensor:
    """Red, green and blue, each times alpha, and alpha, added up; int64 `[2]`."""
    light = tf.reduce_sum(rgb, axis=-1, keepdims=True) * alpha
    return tf.stack([tf.reduce_sum(tf.cast(each, tf.int64)) for each in (light, alpha)])


def _pieces_of(rgba) -> tf.Tensor:
    """A picture's pixels, and some transparent ones, uint8 `[pieces, n, 4]`."""
    pixels = tf.reshape(rgba, [-1, 4])
    num_pixels = tf.shape(pixels)[0]
    num_pieces = (num_pixels - 1) // PIECE_PIXELS + 1
    rest = -num_pixels % num_pieces
    return tf.reshape(tf.pad(pixels, [[0, rest], [0, 0]]), [num_pieces, -1, 4])


def _map(function, pieces, dtype=tf.int64) -> tf.Tensor:
    """A function of each piece's colours and alpha, int32 `[n, 3]` and `[n, 1]`."""
    return tf.map_fn(
        lambda piece: function(*tf.split(tf.cast(piece, tf.int32), [3, 1], axis=-1)),
        pieces,
        fn_output_signature=dtype,
    )
