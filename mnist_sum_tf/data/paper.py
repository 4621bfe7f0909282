"""Finds paper, table and ink in a picture.

Pictures are float32 `[h, w, 1]`, 0 (black) to 255 (white). Pure TensorFlow ops.
"""

from typing import NamedTuple

import tensorflow as tf

from mnist_sum_tf.data.morphology import dilate, erode, mean_around

# Longer side, in pixels, of the reduced picture that `analyse` analyses.
LOOK_SIZE = 320
# In pixels: whatever is smaller, and darker than its surroundings, is ink.
STROKE_SIZE = 41
# Brightness may vary by this share of the paper's before it counts as ink.
LEAST_CONTRAST = 0.1


class PaperAnalysis(NamedTuple):
    """The paper in a picture.

    Attributes:
        is_light: scalar bool, whether the ink is darker than the paper.
        paper: float32 `[h, w, 1]`, the brightness of the paper, after inversion
            if it is dark; 0 away from the ink.
        start, end: float32 `[2]`, first and last corner (row, column) of the
            ink, or of the picture where there is none.
    """

    is_light: tf.Tensor
    paper: tf.Tensor
    start: tf.Tensor
    end: tf.Tensor


def analyse(grey) -> PaperAnalysis:
    """Finds paper and ink in a picture of about `LOOK_SIZE`.

    Args:
        grey: float32 `[h, w, 1]`, dark on light or light on dark.
    """
    dark_table = _dark_surroundings(grey)
    light_table = _dark_surroundings(255.0 - grey)
    surroundings = dark_table | light_table
    is_light = is_paper_light(grey) & ~tf.reduce_any(light_table)
    is_light |= tf.reduce_any(dark_table)
    grey = dark_on_light(grey, is_light)
    paper = _light_paper(grey, surroundings)
    start, end = _ink_box(tf.where(surroundings, 0.0, ink_share(grey, paper)))
    is_wanted = _is_near(tf.shape(grey), start, end) & ~surroundings
    return PaperAnalysis(is_light, tf.where(is_wanted, paper, 0.0), start, end)


def dark_on_light(grey, is_light) -> tf.Tensor:
    """A picture as it is if its paper is light, else its negative."""
    return tf.where(is_light, grey, 255.0 - grey)


def is_paper_light(grey) -> tf.Tensor:
    """Whether the paper is lighter than the ink.

    Around strokes there is more paper than ink, above all at the very edge of a
    picture cut close to its strokes.
    """
    lightest = dilate(grey, STROKE_SIZE)
    darkest = erode(grey, STROKE_SIZE)
    contrast = lightest - darkest
    is_around_ink = contrast >= tf.reduce_max(contrast) / 3
    is_light = grey > tf.where(contrast > 0, (lightest + darkest) / 2, 127.5)
    at_edge = is_around_ink & _is_edge(grey)
    votes = [tf.boolean_mask(is_light, is_around_ink)]
    votes += 3 * [tf.boolean_mask(is_light, at_edge)]
    return _share(tf.concat(votes, axis=0)) > 0.5


def _dark_surroundings(grey) -> tf.Tensor:
    """Where there is a dark table or frame around light paper, if anywhere."""
    darkest, lightest = tf.reduce_min(grey), tf.reduce_max(grey)
    is_dark = grey < (darkest + lightest) / 2
    outside = _connected_to_edge(is_dark)
    has_table = _share(tf.boolean_mask(is_dark, _is_edge(grey))) > 0.5
    # Paper is a large rectangle, which light strokes on dark paper are not.
    start, end = _box(~outside)
    has_table &= tf.reduce_min(end - start) > STROKE_SIZE / 2
    area = tf.reduce_prod(end - start)
    inside = tf.reduce_sum(tf.cast(~outside, tf.float32))
    has_table &= inside > 0.75 * area
    # Paper ends at a line; light falls off slowly.
    beside = _widened(outside, 3) & ~outside
    step = dilate(grey, 5) - erode(grey, 5)
    is_step = step > (lightest - darkest) / 4
    has_table &= _share(tf.boolean_mask(is_step, beside)) > 0.5
    return has_table & _widened(outside, 5)


def _light_paper(grey, surroundings) -> tf.Tensor:
    """The brightness of the light paper, under dark ink too.

    A morphological closing: small and darker than its surroundings means ink.
    """
    margin = STROKE_SIZE // 2
    unknown = _extended(tf.cast(surroundings, tf.float32)) > 0.5
    # The lightest of many noisy pixels would be lighter than the paper.
    grey = _extended(mean_around(grey, 3))
    lightest = dilate(tf.where(unknown, 0.0, grey), STROKE_SIZE)
    lightest = tf.where(unknown, 255.0, lightest)
    paper = erode(lightest, STROKE_SIZE)
    return paper[margin:-margin, margin:-margin]


def ink_share(grey, paper) -> tf.Tensor:
    """The share of the paper's light that ink takes away, up to 1.

    Around 0 on the paper itself, below it where the paper's grain is light.

    Args:
        grey: float32 `[h, w, 1]`, dark on light.
        paper: the same, without the ink; 0 where there is no paper.
    """
    # Light falls off by a factor, not by a difference.
    return tf.where(paper > 0, (paper - grey) / tf.maximum(paper, 32.0), 0.0)


def _ink_box(ink):
    """First and last corner of the ink."""
    # A speck of dust is small, a stroke is long.
    smooth = mean_around(ink, 3)
    strongest = tf.reduce_max(smooth)
    return _box(smooth > tf.maximum(strongest, LEAST_CONTRAST) / 4)


def _is_near(size, start, end) -> tf.Tensor:
    """The box and a quarter of its height around it, bool `[h, w, 1]`."""
    margin = (end[0] - start[0]) / 4 + 1
    rows, columns = [
        (tf.range(tf.cast(size[axis], tf.float32)) >= start[axis] - margin)
        & (tf.range(tf.cast(size[axis], tf.float32)) < end[axis] + margin)
        for axis in (0, 1)
    ]
    return (rows[:, None] & columns[None, :])[..., None]


def _box(mask):
    """Corners of the true pixels' box (of the whole mask if none), float32 `[2]`."""
    mask = mask[..., 0] | ~tf.reduce_any(mask)
    rows = tf.where(tf.reduce_any(mask, axis=1))[:, 0]
    columns = tf.where(tf.reduce_any(mask, axis=0))[:, 0]
    start = tf.stack([rows[0], columns[0]])
    end = tf.stack([rows[-1], columns[-1]]) + 1
    return tf.cast(start, tf.float32), tf.cast(end, tf.float32)


def _share(mask) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(mask, tf.float32))


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
    return dilate(tf.cast(mask, tf.float32), size) > 0.5


def _extended(image) -> tf.Tensor:
    """Extends the paper, but not the ink, beyond an image's edges."""
    for _ in range(2):
        first, last = _bridged(image[:1]), _bridged(image[-1:])
        image = tf.concat([first, image, last], axis=0)
        image = tf.transpose(image, [1, 0, 2])
    return image


def _bridged(edge) -> tf.Tensor:
    """A closing along an edge `[1, w, 1]`, repeated to form a margin."""
    # A stroke may lie along the edge, not only cross it.
    size = 2 * STROKE_SIZE + 1
    start, end = (
        tf.repeat(corner, STROKE_SIZE, axis=1) for corner in (edge[:, :1], edge[:, -1:])
    )
    edge = dilate(tf.concat([start, edge, end], axis=1), size)
    edge = erode(edge, size)[:, STROKE_SIZE:-STROKE_SIZE]
    return tf.repeat(edge, STROKE_SIZE // 2, axis=0)
