"""Digits and a layout become images of 40x168 pixels, a whole batch at once.

All randomness is counted: a batch is a pure function of (seed, step).
"""

import functools

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import handwriting, layouts, wear

DIGIT_SIZE = layouts.DIGIT_SIZE
# A digit is drawn into a tile as high as the canvas, then set into its column.
TILE_WIDTH = 48


def composite_batch(
    digit_images, digit_labels, layout: str, seed: int, step, batch_size: int
):
    """Composes the batch of one step from digits drawn with replacement.

    Part of a batch of `mixed` is worn: see `wear`.

    Args:
        digit_images: uint8 `[n, 28, 28]`.
        digit_labels: integer `[n]`.
        layout: one of `config.LAYOUTS`.
        seed: a whole number.
        step: whole number or scalar tensor; the batch depends on (seed, step)
            and on nothing that came before.
        batch_size: number of images.

    Returns:
        Images, uint8 `[batch_size, 40, 168, 1]`, white ink (255) on black, and
        labels, int32 `[batch_size, 4]`, the digits in reading order.

    Raises:
        UserError: if there is no such layout.
    """
    seeds = _step_seeds(seed, step)
    chosen = tf.random.stateless_uniform(
        [batch_size, config.NUM_DIGITS], seeds[0],
        maxval=tf.shape(digit_images)[0], dtype=tf.int32,
    )  # fmt: skip
    worn = layout == "mixed"
    return _compose_chosen(
        digit_images, digit_labels, chosen, layout, seeds, worn
    )


def evaluation_batch(
    digit_images, digit_labels, layout: str, seed: int, start, batch_size: int
):
    """Composes images `start`, ..., `start + batch_size - 1` of a fixed set.

    The set holds every digit exactly once (a rest of up to three is left out),
    in an order drawn from `seed`. Nothing is worn: wear is for training.

    Args, Returns, Raises: as `composite_batch`; `start` counts images, a
    multiple of `batch_size` unless the set is drawn another way each time.
    """
    order_seed = tf.random.fold_in([seed, 0], -1)
    first = tf.cast(start, tf.int64) * config.NUM_DIGITS
    positions = first + tf.range(batch_size * config.NUM_DIGITS, dtype=tf.int64)
    last = tf.cast(tf.shape(digit_images)[0] - 1, tf.int64)
    chosen = tf.random.experimental.index_shuffle(
        positions, tf.cast(order_seed, tf.uint32), tf.cast(last, tf.int64)
    )
    chosen = tf.reshape(chosen, [batch_size, config.NUM_DIGITS])
    seeds = _step_seeds(seed, start)
    return _compose_chosen(
        digit_images, digit_labels, chosen, layout, seeds, worn=False
    )


def _step_seeds(seed: int, step):
    """Seeds for the choice of digits, their placement, bending and wear."""
    step_seed = tf.stack([tf.cast(seed, tf.int64), tf.cast(step, tf.int64)])
    return tf.unstack(tf.random.split(tf.cast(step_seed, tf.int32), 4))


def _compose_chosen(digit_images, digit_labels, chosen, layout, seeds, worn):
    place = layouts.get_layout(layout)
    batch_size = chosen.shape[0]
    digits = tf.gather(digit_images, chosen)
    placement = place(ink_boxes(digits), seeds[1])
    if not worn:
        images = compose(digits, placement, seeds[2])
    else:
        # Rows are exchangeable: an eighth is drawn with hard edges.
        hard = batch_size // 8
        images = compose(digits, placement, seeds[2], nearest_images=hard)
        images = wear.wear(images, seeds[3])
    return images, tf.cast(tf.gather(digit_labels, chosen), tf.int32)


def ink_boxes(digits) -> tf.Tensor:
    """Finds the smallest box around each digit's ink.

    Args:
        digits: uint8 `[batch, 4, 28, 28]`.

    Returns:
        float32 `[batch, 4, 4]`: left, right, top, bottom; right and bottom are
        one past the last pixel. A digit without ink has the whole box.
    """

    def ends(has_ink):
        first = tf.argmax(has_ink, axis=-1, output_type=tf.int32)
        last = tf.argmax(has_ink[..., ::-1], axis=-1, output_type=tf.int32)
        return [first, DIGIT_SIZE - last]

    columns = tf.cast(tf.reduce_max(digits, axis=2) > 0, tf.uint8)
    rows = tf.cast(tf.reduce_max(digits, axis=3) > 0, tf.uint8)
    box = tf.stack(ends(columns) + ends(rows), axis=-1)
    return tf.cast(box, tf.float32)


def compose(
    digits, placement: layouts.Placement, seed, nearest_images: int = 0
) -> tf.Tensor:
    """Draws each digit where and how its placement says.

    Args:
        digits: uint8 `[batch, 4, 28, 28]`.
        placement: see `layouts.Placement`.
        seed: int `[2]`, the seed of the elastic bending.
        nearest_images: the last so many images take the nearest pixel, which
            leaves ragged edges; the others are interpolated.

    Returns:
        uint8 `[batch, 40, 168, 1]`.
    """
    flat = tf.reshape(digits, [-1, DIGIT_SIZE, DIGIT_SIZE])
    if placement.bend_pixels is not None:
        flat = handwriting.bend(flat, tf.reshape(placement.bend_pixels, [-1]), seed)
    if placement.stroke is not None:
        stroke = tf.reshape(placement.stroke, [-1])
        flat = handwriting.change_stroke(flat, stroke)
    tile_left = tf.floor(placement.center_x) - TILE_WIDTH // 2
    tiles = _draw_tiles(
        flat, _tile_to_digit(placement, tile_left),
        nearest_images * config.NUM_DIGITS,
    )  # fmt: skip
    tiles = tf.reshape(
        tiles, [-1, config.NUM_DIGITS, TILE_WIDTH, config.IMAGE_HEIGHT]
    )
    canvas = _join(tiles, tf.cast(tile_left, tf.int32), placement.overlap)
    return tf.transpose(canvas, [0, 2, 1])[..., tf.newaxis]


def _draw_tiles(digits, transforms, num_nearest: int) -> tf.Tensor:
    """Draws n digits into n tiles, uint8 `[n, TILE_WIDTH, 40]`.

    Tiles are transposed, x before y, so that setting one into the canvas moves
    whole columns of memory.
    """
    border = digits.shape[0] - num_nearest
    smooth = _transform(digits[:border], transforms[:border], "BILINEAR")
    if not num_nearest:
        return smooth
    hard = _transform(digits[border:], transforms[border:], "NEAREST")
    return tf.concat([smooth, hard], axis=0)


def _transform(digits, transforms, interpolation: str) -> tf.Tensor:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=digits[..., tf.newaxis],
        transforms=transforms,
        output_shape=[TILE_WIDTH, config.IMAGE_HEIGHT],
        fill_value=0.0,
        interpolation=interpolation,
        fill_mode="CONSTANT",
    )[..., 0]


def _tile_to_digit(placement: layouts.Placement, tile_left) -> tf.Tensor:
    """The affine map from a tile's pixel to the digit's pixel, `[n, 8]`.

    Away from the box' centre a canvas offset (dx, dy) is turned back, sheared
    back and scaled to the 28x28 box:
    u = 28/width (cos dx + sin dy - shear v'), v = 28/height (cos dy - sin dx).
    """
    angle = placement.rotation_degrees * (np.pi / 180)
    cos, sin = tf.cos(angle), tf.sin(angle)
    scale_x = DIGIT_SIZE / placement.width
    scale_y = DIGIT_SIZE / placement.height
    # `+ shear * v'` leans the digit to the right, as handwriting does.
    u_dx = scale_x * (cos - placement.shear * sin)
    u_dy = scale_x * (sin + placement.shear * cos)
    v_dx, v_dy = -scale_y * sin, scale_y * cos
    center = (DIGIT_SIZE - 1) / 2
    middle_x = placement.center_x - tile_left - 0.5
    middle_y = placement.center_y - 0.5
    u_0 = center - u_dx * middle_x - u_dy * middle_y
    v_0 = center - v_dx * middle_x - v_dy * middle_y
    zero = tf.zeros_like(u_0)
    # The op calls its output's column x and row y: here column = y, row = x.
    rows = [u_dy, u_dx, u_0, v_dy, v_dx, v_0, zero, zero]
    return tf.reshape(tf.stack(rows, axis=-1), [-1, 8])


def _join(tiles, tile_left, overlap) -> tf.Tensor:
    """Sets four tiles per image into a canvas, uint8 `[batch, 168, 40]`.

    Images of one rule are joined together: choosing between the rules for each
    pixel would cost three times as much.
    """
    rows = [tf.where(overlap == rule)[:, 0] for rule in _MEET]
    canvases = [
        _join_by_rule(tf.gather(tiles, some), tf.gather(tile_left, some), rule)
        for rule, some in zip(_MEET, rows)
    ]
    canvas = tf.dynamic_stitch([tf.cast(r, tf.int32) for r in rows], canvases)
    shape = [tiles.shape[0], config.IMAGE_WIDTH, config.IMAGE_HEIGHT]
    return tf.ensure_shape(canvas, shape)


_MEET = {
    layouts.KEEP_EARLIER: lambda old, new: tf.where(old > 0, old, new),
    layouts.BRIGHTEST: tf.maximum,
    layouts.WRAP_AROUND: tf.add,
}


def _join_by_rule(tiles, tile_left, rule: int) -> tf.Tensor:
    padded = tf.pad(tiles, [[0, 0], [0, 0], [1, 1], [0, 0]])
    columns = tf.range(config.IMAGE_WIDTH) - tile_left[..., tf.newaxis]
    columns = tf.clip_by_value(columns, -1, TILE_WIDTH) + 1
    layers = tf.unstack(tf.gather(padded, columns, batch_dims=2), axis=1)
    if rule == layouts.KEEP_EARLIER:
        pressed = _pressed_column(tiles[:, 0], tile_left[:, 0])
        layers[0] = tf.concat(
            [pressed[:, tf.newaxis], layers[0][:, 1:]], axis=1
        )
    return functools.reduce(_MEET[rule], layers)


def _pressed_column(tile, tile_left) -> tf.Tensor:
    """The first canvas column with all ink left of it pressed against it.

    Pixels are written from left to right and ink stays where it is, so each row
    shows its leftmost ink.

    Args:
        tile: uint8 `[batch, TILE_WIDTH, 40]`.
        tile_left: int32 `[batch]`, canvas column of the tile's first column.

    Returns:
        uint8 `[batch, 40]`.
    """
    outside = tf.range(TILE_WIDTH) + tile_left[:, tf.newaxis] <= 0
    ink = tf.where(outside[..., tf.newaxis], tile, tf.zeros_like(tile))
    leftmost = tf.argmax(tf.cast(ink > 0, tf.uint8), axis=1)
    return tf.gather(tf.transpose(ink, [0, 2, 1]), leftmost, batch_dims=2)
