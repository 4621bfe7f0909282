"""Any image file of a person -> the canvas that the models read.

`canvas_from_bytes` is pure TensorFlow ops: the same code is part of the exported
graph, so a server reads a file exactly as `scripts/predict.py` does.
"""

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import paper
from mnist_sum_tf.data.morphology import dilate, mean_around
from mnist_sum_tf.data.picture_files import decode_picture
from mnist_sum_tf.user_errors import UserError

# Luminance, in 256ths, so that grey stays exactly what it is.
RED, GREEN, BLUE = 77 / 256, 150 / 256, 29 / 256
# Range of the composites' ink heights, in pixels, and the height to which ink
# outside that range is scaled.
INK_HEIGHTS = (18.0, 34.0)
INK_HEIGHT = 24.0
INK_WIDTH = 160.0
# Strokes of MNIST are 1.4 to 4.4 pixels wide (first and last hundredth).
THINNEST_STROKE = 1.4
USUAL_STROKE = 2.0
# Supersampling: fine pixels per canvas pixel and axis, averaged at the end.
FINE = 4


def canvas_with_ink(path: str, file: bytes) -> np.ndarray:
    """As `canvas_of`, but refuses blank pictures, in which a model would see digits.

    Raises:
        UserError: naming `path`, also for a picture without ink.
    """
    canvas = canvas_of(path, file)
    if not canvas.any():
        raise UserError(f"{path}: expected digits. Received: a picture without ink")
    return canvas


def canvas_of(path: str, file: bytes) -> np.ndarray:
    """The canvas of a file's bytes, uint8 `[40, 168, 1]`.

    Raises:
        UserError: naming `path`, if the file cannot be decoded.
    """
    try:
        return canvas_from_bytes(file).numpy()
    except tf.errors.OpError:
        raise UserError(
            f"{path}: expected a whole PNG, JPEG, GIF or BMP image. Received: "
            "one that is cut off, damaged or of an unusual kind"
        ) from None


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def canvas_from_bytes(image_bytes) -> tf.Tensor:
    """Reads one image file as white ink on a black canvas.

    Args:
        image_bytes: scalar string, the bytes of a PNG, JPEG, GIF (its first
            frame) or BMP of up to 50 million pixels.

    Returns:
        uint8 `[40, 168, 1]`, see `canvas_from_pixels`.

    Raises:
        tf.errors.InvalidArgumentError: if the bytes cannot be decoded.
    """
    return canvas_from_pixels(decode_picture(image_bytes))


def canvas_from_pixels(pixels) -> tf.Tensor:
    """Fits a picture to the canvas.

    A picture of 40x168 pixels is a canvas already: it is only inverted if its
    paper is light. Of any other one the paper, evenly lit or not, becomes black
    and the ink white; and it is scaled, without distortion, so that the ink is
    about as large as on the images which models learn from: left as it is if it
    fits, else the whole picture fitted to the canvas, else only its ink.

    Args:
        pixels: uint8 `[height, width, 3]`, dark ink on light paper or light ink
            on dark paper.

    Returns:
        uint8 `[40, 168, 1]`, white ink on black.
    """
    is_canvas = tf.reduce_all(tf.shape(pixels)[:2] == config.CANVAS_SHAPE)
    canvas = tf.cond(is_canvas, lambda: _as_it_is(pixels), lambda: _fitted(pixels))
    canvas = tf.cast(tf.round(tf.clip_by_value(canvas, 0.0, 255.0)), tf.uint8)
    return tf.ensure_shape(canvas, config.IMAGE_SHAPE)


def _as_it_is(pixels) -> tf.Tensor:
    grey = _grey(pixels)
    return tf.where(paper.is_paper_light(grey), 255.0 - grey, grey)


def _fitted(pixels) -> tf.Tensor:
    """Float32 `[40, 168, 1]`, 0..255."""
    size = tf.cast(tf.shape(pixels)[:2], tf.float32)
    shrink = tf.minimum(1.0, paper.LOOK_SIZE / tf.reduce_max(size))
    look_size = tf.maximum(1.0, tf.round(size * shrink))
    look_scale = look_size / size  # Not the same both ways, being rounded.
    look = _placed(pixels, look_size, look_scale, [0.0, 0.0], "box")
    sheet = paper.analyse(_grey(look))
    scale, shift = _placement(size, sheet.start / look_scale, sheet.end / look_scale)
    return _drawn(pixels, sheet, look_scale, scale, shift)


def _grey(pixels) -> tf.Tensor:
    weights = tf.constant([RED, GREEN, BLUE])
    grey = tf.cast(pixels, tf.float32) * weights
    return tf.reduce_sum(grey, axis=-1, keepdims=True)


def _median(values) -> tf.Tensor:
    ordered = tf.sort(tf.reshape(values, [-1]))
    return ordered[tf.size(ordered) // 2]


def _placement(size, start, end):
    """Scale (scalar) and shift (`[2]`, whole) from picture to canvas pixels."""
    canvas = tf.constant(config.CANVAS_SHAPE, tf.float32)
    height, width = tf.unstack(end - start)
    whole = tf.reduce_min(canvas / size)
    scale = tf.minimum(INK_HEIGHT / height, INK_WIDTH / width)
    for candidate in (whole, tf.constant(1.0)):
        low, high = INK_HEIGHTS
        fits = (low <= candidate * height) & (candidate * height <= high)
        fits &= candidate * width <= canvas[1]
        scale = tf.where(fits, candidate, scale)
    middle_of_ink, middle_of_picture = (start + end) / 2, size / 2
    fits_whole = tf.reduce_all(size * scale <= canvas + 0.01)
    middle = tf.where(fits_whole, middle_of_picture, middle_of_ink)
    return scale, tf.round(canvas / 2 - middle * scale)


def _placed(image, size, scale, shift, kernel: str) -> tf.Tensor:
    """Scales and shifts an image `[h, w, c]`; nothing (0) beyond its edges."""
    return tf.raw_ops.ScaleAndTranslate(
        images=image[None],
        size=tf.cast(size, tf.int32),
        kernel_type=kernel,
        scale=tf.broadcast_to(scale, [2]),
        translation=shift,
        antialias=True,
    )[0]


def _drawn(pixels, sheet, look_scale, scale, shift) -> tf.Tensor:
    """Draws a picture's ink on the canvas; `sheet` is from a reduced picture."""
    size = [FINE * side for side in config.CANVAS_SHAPE]
    scale, shift = FINE * scale, FINE * shift
    # Shrinking averages; enlarging draws smooth lines between pixels.
    fine = tf.cond(
        scale <= FINE,
        lambda: _placed(pixels, size, scale, shift, "box"),
        lambda: _placed(pixels, size, scale, shift, "triangle"),
    )
    grey = paper.dark_on_light(_grey(fine), sheet.is_light)
    blank = _placed(sheet.paper, size, scale / look_scale, shift, "triangle")
    ink = _stretched(paper.ink_share(grey, blank), blank > 0)
    fine_ink = _thickened(ink)
    return 255.0 * tf.nn.avg_pool2d(fine_ink[None], FINE, FINE, "VALID")[0]


def _stretched(ink, is_paper) -> tf.Tensor:
    """Rescales ink so that paper and its grain are 0 and strokes 1."""
    values = tf.concat([tf.boolean_mask(ink, is_paper), [0.0]], axis=0)
    half = tf.reduce_max(values) / 2
    blank = tf.concat([values[values < half], [0.0]], axis=0)
    usual = _median(blank)
    grain = usual + 4.5 * _median(tf.abs(blank - usual))
    strokes = tf.sort(values[values >= half])
    full = strokes[tf.size(strokes) * 95 // 100]
    # A photograph: paper may have lines to write on, and chalk is brighter
    # where there is more light.
    is_photo = grain > 0.01
    grain = tf.where(is_photo, tf.maximum(grain, 0.2 * full), grain)
    nearby = dilate(tf.minimum(ink, full), FINE * 24)
    nearby = mean_around(tf.maximum(nearby, 0.4 * full), FINE * 24)
    whole = tf.where(is_photo, nearby, full)
    stretched = (ink - grain) / tf.maximum(whole - grain, 1e-6)
    is_there = full > tf.maximum(paper.LEAST_CONTRAST, 1.5 * grain)
    return tf.where(is_there, tf.clip_by_value(stretched, 0.0, 1.0), 0.0)


def _thickened(ink) -> tf.Tensor:
    """Thickens hairlines to the width of a usual digit's strokes."""
    down = ink[1:, :-1] - ink[:-1, :-1]
    across = ink[:-1, 1:] - ink[:-1, :-1]
    outline = tf.reduce_sum(tf.sqrt(down**2 + across**2))
    width = 2 * tf.reduce_sum(ink) / (FINE * tf.maximum(outline, 1e-6))
    is_thin = width < THINNEST_STROKE
    for step in range(4):
        # Each step adds a fine pixel on either side.
        wanted = is_thin & (width + (step + 0.5) * 2 / FINE < USUAL_STROKE)
        ink = tf.where(wanted, dilate(ink, 3), ink)
    return ink
