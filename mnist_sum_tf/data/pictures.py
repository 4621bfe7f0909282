"""Any image file of a person -> the canvas that the models read.

Pure TensorFlow ops: the same code is part of the exported graph, so a server
reads a file exactly as `scripts/predict.py` does.
"""

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data.picture_files import decode_picture, read_picture

__all__ = ["canvas_from_bytes", "canvas_from_pixels", "read_picture"]

CANVAS = (config.IMAGE_HEIGHT, config.IMAGE_WIDTH)
# Luminance, in 256ths, so that grey stays exactly what it is.
RED, GREEN, BLUE = 77 / 256, 150 / 256, 29 / 256
# Where the ink is gets found on a copy whose longer side has this many pixels,
# against the paper's brightness around it, which bridges strokes this wide.
LOOK_SIZE = 320
STROKE_SIZE = 41
# Brightness may vary by this share of the paper's before it counts as ink.
LEAST_CONTRAST = 0.1
# Heights in pixels between which the ink of the composites lies, and the one
# given to ink that a picture would otherwise show larger or smaller.
INK_HEIGHTS = (18.0, 34.0)
INK_HEIGHT = 24.0
INK_WIDTH = 160.0
# Strokes of MNIST are 1.4 to 4.4 pixels wide (first and last hundredth).
THINNEST_STROKE = 1.4
USUAL_STROKE = 2.0
# Strokes are worked on before they are averaged into canvas pixels.
FINE = 4


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
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
    is_canvas = tf.reduce_all(tf.shape(pixels)[:2] == CANVAS)
    canvas = tf.cond(
        is_canvas, lambda: _as_it_is(pixels), lambda: _fitted(pixels)
    )
    canvas = tf.cast(tf.round(tf.clip_by_value(canvas, 0.0, 255.0)), tf.uint8)
    return tf.ensure_shape(canvas, [*CANVAS, 1])


def _as_it_is(pixels) -> tf.Tensor:
    grey = _grey(pixels)
    return tf.where(_is_paper_light(grey), 255.0 - grey, grey)


def _fitted(pixels) -> tf.Tensor:
    """Float32 `[40, 168, 1]`, 0..255."""
    size = tf.cast(tf.shape(pixels)[:2], tf.float32)
    look_size = tf.maximum(
        1.0, tf.round(size * tf.minimum(1.0, LOOK_SIZE / tf.reduce_max(size)))
    )
    ratio = look_size / size
    look = _grey(_placed(pixels, look_size, ratio, [0.0, 0.0], "box"))
    dark_table, light_table = _surroundings(look), _surroundings(255.0 - look)
    surroundings = dark_table | light_table
    is_light = _is_paper_light(look) & ~tf.reduce_any(light_table)
    is_light |= tf.reduce_any(dark_table)
    look = _dark_on_light(look, is_light)
    paper = _paper(look, surroundings)
    ink = tf.where(surroundings, 0.0, _ink(look, paper))
    start, end = _ink_box(ink)
    scale, shift = _placement(size, start / ratio, end / ratio)
    paper *= tf.cast(_near(look_size, start, end) & ~surroundings, tf.float32)
    return _drawn(pixels, is_light, scale, shift, paper, ratio)


def _grey(pixels) -> tf.Tensor:
    weights = tf.constant([RED, GREEN, BLUE])
    grey = tf.cast(pixels, tf.float32) * weights
    return tf.reduce_sum(grey, axis=-1, keepdims=True)


def _dark_on_light(grey, is_light) -> tf.Tensor:
    return tf.where(is_light, grey, 255.0 - grey)


def _median(values) -> tf.Tensor:
    ordered = tf.sort(tf.reshape(values, [-1]))
    return ordered[tf.size(ordered) // 2]


def _is_paper_light(grey) -> tf.Tensor:
    """Whether paper is the lighter one of paper and ink.

    Around strokes there is more paper than ink, above all at the very edge of a
    picture cut close to its strokes.
    """
    lightest = _largest_around(grey, STROKE_SIZE)
    darkest = -_largest_around(-grey, STROKE_SIZE)
    contrast = lightest - darkest
    is_around_ink = contrast >= tf.reduce_max(contrast) / 3
    is_light = grey > tf.where(contrast > 0, (lightest + darkest) / 2, 127.5)
    at_edge = is_around_ink & _is_edge(grey)
    votes = [tf.boolean_mask(is_light, is_around_ink)]
    votes += 3 * [tf.boolean_mask(is_light, at_edge)]
    return _share(tf.concat(votes, axis=0)) > 0.5


def _share(mask) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(mask, tf.float32))


def _surroundings(look) -> tf.Tensor:
    """Where a picture shows a dark table or frame around light paper.

    Args:
        look: float32 `[h, w, 1]`.

    Returns:
        Bool `[h, w, 1]`, nothing of it true where there is no such table.
    """
    darkest, lightest = tf.reduce_min(look), tf.reduce_max(look)
    is_dark = look < (darkest + lightest) / 2
    outside = _connected_to_edge(is_dark)
    has_table = _share(tf.boolean_mask(is_dark, _is_edge(look))) > 0.5
    # Paper is a rectangle, which light strokes on dark paper are not.
    start, end = _box(~outside)
    area = tf.reduce_prod(end - start)
    inside = tf.reduce_sum(tf.cast(~outside, tf.float32))
    has_table &= inside > 0.75 * area
    # Paper ends at a line; light falls off slowly.
    beside = _widened(outside, 3) & ~outside
    step = _largest_around(look, 5) + _largest_around(-look, 5)
    is_step = step > (lightest - darkest) / 4
    has_table &= _share(tf.boolean_mask(is_step, beside)) > 0.5
    return has_table & _widened(outside, 5)


def _is_edge(image) -> tf.Tensor:
    """Bool `[h, w, 1]`, the outermost pixels."""
    size = tf.shape(image)
    rows, columns = tf.range(size[0])[:, None], tf.range(size[1])[None, :]
    is_edge = (rows == 0) | (rows == size[0] - 1)
    is_edge |= (columns == 0) | (columns == size[1] - 1)
    return is_edge[..., None]


def _connected_to_edge(mask) -> tf.Tensor:
    """The parts of a mask, bool `[h, w, 1]`, that reach the picture's edge."""
    return tf.while_loop(
        lambda reached, grows: grows,
        lambda reached, grows: _grown(reached, mask),
        (mask & _is_edge(mask), True),
        maximum_iterations=4 * LOOK_SIZE,
    )[0]


def _grown(reached, mask):
    larger = _widened(reached, 3) & mask
    return larger, tf.reduce_any(larger != reached)


def _widened(mask, size: int) -> tf.Tensor:
    return _largest_around(tf.cast(mask, tf.float32), size) > 0.5


def _largest_around(values, size: int) -> tf.Tensor:
    """The largest value in the square of `size` around each, `[h, w, 1]`."""
    rows = tf.nn.max_pool2d(values[None], [size, 1], 1, "SAME")
    return tf.nn.max_pool2d(rows, [1, size], 1, "SAME")[0]


def _paper(look, surroundings) -> tf.Tensor:
    """The brightness of the light paper under dark ink, `[h, w, 1]`.

    A closing: what is darker than all around it, and small, is ink.
    """
    margin = STROKE_SIZE // 2
    unknown = _extended(tf.cast(surroundings, tf.float32)) > 0.5
    look = _extended(look)
    lightest = _largest_around(tf.where(unknown, 0.0, look), STROKE_SIZE)
    lightest = tf.where(unknown, 255.0, lightest)
    paper = -_largest_around(-lightest, STROKE_SIZE)
    return paper[margin:-margin, margin:-margin]


def _extended(image) -> tf.Tensor:
    """Continues the paper (not the ink) at an image's edges beyond them."""
    for _ in range(2):
        first, last = _bridged(image[:1]), _bridged(image[-1:])
        image = tf.concat([first, image, last], axis=0)
        image = tf.transpose(image, [1, 0, 2])
    return image


def _bridged(edge) -> tf.Tensor:
    """A closing along an edge `[1, w, 1]`, many times, as a margin."""
    margin = STROKE_SIZE // 2
    ends = tf.repeat(edge[:, :1], margin, 1), tf.repeat(edge[:, -1:], margin, 1)
    edge = _largest_around(tf.concat([ends[0], edge, ends[1]], 1), STROKE_SIZE)
    edge = -_largest_around(-edge, STROKE_SIZE)
    return tf.repeat(edge[:, margin:-margin], margin, axis=0)


def _ink(look, paper) -> tf.Tensor:
    """The share of the paper's light that ink takes away, 0 to 1."""
    # Light falls off by a factor, not by a difference.
    return tf.maximum(0.0, paper - look) / tf.maximum(paper, 32.0)


def _ink_box(ink):
    """First and last corner of the ink, float32 `[2]` (row, column) each."""
    # A speck of dust is small, a stroke is long.
    smooth = tf.nn.avg_pool2d(ink[None], 3, 1, "SAME")[0]
    strongest = tf.reduce_max(smooth)
    return _box(smooth > tf.maximum(strongest, LEAST_CONTRAST) / 4)


def _box(mask):
    """The box of what is true, or of everything; corners as `_ink_box`."""
    mask = mask[..., 0] | ~tf.reduce_any(mask)
    rows = tf.where(tf.reduce_any(mask, axis=1))[:, 0]
    columns = tf.where(tf.reduce_any(mask, axis=0))[:, 0]
    start = tf.stack([rows[0], columns[0]])
    end = tf.stack([rows[-1], columns[-1]]) + 1
    return tf.cast(start, tf.float32), tf.cast(end, tf.float32)


def _near(size, start, end) -> tf.Tensor:
    """Bool `[h, w, 1]`: the box and a quarter of its height around it."""
    margin = (end[0] - start[0]) / 4 + 1
    inside = [
        (tf.range(size[axis]) >= start[axis] - margin)
        & (tf.range(size[axis]) < end[axis] + margin)
        for axis in (0, 1)
    ]
    return (inside[0][:, None] & inside[1][None, :])[..., None]


def _placement(size, start, end):
    """Scale (scalar) and shift (`[2]`, whole) from picture to canvas pixels."""
    canvas = tf.constant(CANVAS, tf.float32)
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
        images=image[None], size=tf.cast(size, tf.int32), kernel_type=kernel,
        scale=tf.broadcast_to(scale, [2]), translation=shift, antialias=True,
    )[0]  # fmt: skip


def _drawn(pixels, is_light, scale, shift, paper, ratio) -> tf.Tensor:
    """The picture's ink on the canvas, given its paper, seen smaller."""
    size = [FINE * side for side in CANVAS]
    scale, shift = FINE * scale, FINE * shift
    # Shrinking averages; enlarging draws smooth lines between pixels.
    fine = tf.cond(
        scale <= FINE,
        lambda: _placed(pixels, size, scale, shift, "box"),
        lambda: _placed(pixels, size, scale, shift, "triangle"),
    )
    paper = _placed(paper, size, scale / ratio, shift, "triangle")
    ink = _ink(_dark_on_light(_grey(fine), is_light), paper)
    ink = _thickened(_stretched(ink, paper > 0))
    return 255.0 * tf.nn.avg_pool2d(ink[None], FINE, FINE, "VALID")[0]


def _stretched(ink, is_paper) -> tf.Tensor:
    """Ink so that paper with its grain is 0 and strokes are 1."""
    values = tf.concat([tf.boolean_mask(ink, is_paper), [0.0]], axis=0)
    half = tf.reduce_max(values) / 2
    blank = tf.concat([values[values < half], [0.0]], axis=0)
    usual = _median(blank)
    grain = usual + 4.5 * _median(tf.abs(blank - usual))
    strokes = tf.sort(values[values >= half])
    full = strokes[tf.size(strokes) * 95 // 100]
    # Where paper has grain, it may have lines to write on too.
    grain = tf.where(grain > 0.01, tf.maximum(grain, 0.2 * full), grain)
    stretched = (ink - grain) / tf.maximum(full - grain, 1e-6)
    is_there = full > tf.maximum(LEAST_CONTRAST, 1.5 * grain)
    return tf.where(is_there, tf.clip_by_value(stretched, 0.0, 1.0), 0.0)


def _thickened(ink) -> tf.Tensor:
    """Hairlines as wide as the strokes of a usual digit."""
    down = ink[1:, :-1] - ink[:-1, :-1]
    across = ink[:-1, 1:] - ink[:-1, :-1]
    outline = tf.reduce_sum(tf.sqrt(down**2 + across**2))
    width = 2 * tf.reduce_sum(ink) / (FINE * tf.maximum(outline, 1e-6))
    is_thin = width < THINNEST_STROKE
    for step in range(4):
        # Each step adds a fine pixel on either side.
        wanted = is_thin & (width + (step + 0.5) * 2 / FINE < USUAL_STROKE)
        ink = tf.where(wanted, _largest_around(ink, 3), ink)
    return ink
