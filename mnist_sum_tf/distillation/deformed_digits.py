"""Random variations of digits: deformed, rotated, thickened, flagged, blended.

The functions of `data.handwriting`, `data.ones` and `data.placement.deform` for a
GPU, in JAX. The four digits of image i are a pure function of (seed, i).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mnist_sum_tf.config import DIGIT_SIZE

ELASTIC_GRID = 4
FLAG_SHARE = 0.25  # of the ones; half of these have a foot as well
BLEND_SHARE = 0.25  # of the images, whose digits are mixed with another one each


class Variation(NamedTuple):
    """Random parameters of digits' variations; float32 `[n, 4]` unless noted.

    Attributes:
        chosen: int32, which digit it is.
        other: int32, the digit that it is blended with.
        other_share: weight of that digit in the blend, in [0, 0.5].
        offset_x, offset_y: in pixels.
        log_width, log_height: of the box' size relative to its usual one.
        rotation_degrees: about the box' centre.
        shear: horizontal pixels per vertical pixel.
        stroke: see `handwriting.change_stroke`.
        displacements: `[n, 4, 2, grid, grid]`, pixels of the digit's 28x28 box.
        flag: `[n, 4, 5]` in [0, 1), see `ones.embellish_ones`.
    """

    chosen: jax.Array
    other: jax.Array
    other_share: jax.Array
    offset_x: jax.Array
    offset_y: jax.Array
    log_width: jax.Array
    log_height: jax.Array
    rotation_degrees: jax.Array
    shear: jax.Array
    stroke: jax.Array
    displacements: jax.Array
    flag: jax.Array


def variation_of(seed: int, images, num_digits: int) -> Variation:
    """Draws the variations of the digits of images number `images`.

    Args:
        seed: a whole number.
        images: int32 `[n]`.
        num_digits: how many digits there are to choose from.
    """
    key = jax.random.key(seed)
    keys = jax.vmap(lambda image: jax.random.fold_in(key, image))(images)
    return jax.vmap(lambda key: _sample(key, num_digits))(keys)


def _sample(key, num_digits: int) -> Variation:
    """One image's; the strengths are those of `data.placement.deform`."""
    keys = jax.random.split(key, 6)
    image = jax.random.uniform(keys[0], [6])
    strength = jnp.clip((image[0] - 1 / 6) / (3 / 4 - 1 / 6), 0.0, 1.0)
    common = 2 * image - 1
    swing = 2 * jax.random.uniform(keys[1], [8, 4]) - 1
    amplitude = strength * 1.1 * (swing[7] + 1)
    shape = [4, 2, ELASTIC_GRID, ELASTIC_GRID]
    displacements = jax.random.uniform(keys[2], shape, minval=-1)
    chosen, other = jax.random.randint(keys[3], [2, 4], 0, num_digits)
    other_share = jax.random.uniform(keys[4], [4], maxval=0.5)
    return Variation(
        chosen=chosen,
        other=other,
        other_share=jnp.where(image[4] < BLEND_SHARE, other_share, 0.0),
        offset_x=strength * 2.0 * swing[0],
        offset_y=strength * 2.0 * swing[1],
        log_width=strength * 0.12 * swing[2],
        log_height=strength * 0.12 * swing[3],
        rotation_degrees=strength * (10 * swing[4] + 6 * common[1]),
        shear=strength * (0.2 * swing[5] + 0.2 * common[2]),
        stroke=strength * jnp.clip(0.3 * swing[6] + common[3], -0.5, 1.0),
        displacements=displacements * amplitude[:, None, None, None],
        flag=jax.random.uniform(keys[5], [4, 5]),
    )


def varied_digits(digit_images, digit_labels, variation: Variation) -> jax.Array:
    """Blended and flagged digits, not deformed and not thickened yet.

    Args:
        digit_images: uint8 `[digits, 28, 28]`.
        digit_labels: integer `[digits]`.
        variation: of n images.

    Returns:
        float32 `[n, 4, 28, 28]`, whole numbers from 0 to 255.
    """
    share = variation.other_share[..., None, None]
    one, other = (
        digit_images[which].astype(jnp.float32)
        for which in (variation.chosen, variation.other)
    )
    is_one = digit_labels[variation.chosen] == 1
    has_flag = (
        is_one & (variation.flag[..., 3] < FLAG_SHARE) & (variation.other_share == 0)
    )
    flat = one.reshape(-1, DIGIT_SIZE, DIGIT_SIZE)
    flagged = _flagged(flat, variation.flag.reshape(-1, 5).T).reshape(one.shape)
    one = jnp.where(has_flag[..., None, None], flagged, one)
    return jnp.round(one + share * (other - one))


def change_stroke(digits, stroke) -> jax.Array:
    """See `handwriting.change_stroke`; float32 `[n, height, width]`."""
    padded = jnp.pad(digits, [[0, 0], [1, 1], [1, 1]])
    up, down = padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]
    left, right = padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]

    def of_neighbours(op):
        return op(digits, op(op(up, down), op(left, right)))

    share = stroke[:, None, None]
    goal = jnp.where(share > 0, of_neighbours(jnp.maximum), of_neighbours(jnp.minimum))
    return jnp.round(digits + jnp.abs(share) * (goal - digits))


def displacement_field(displacements, x, y) -> jax.Array:
    """How far ink moves across and down.

    Args:
        displacements: float32 `[n, 2, grid, grid]`, by x, by y.
        x: float32 `[n, columns]`, from -0.5 to 0.5 across the box.
        y: float32 `[n, rows]`, likewise.

    Returns:
        float32 `[n, 2, rows, columns]`.
    """
    return jnp.einsum(
        "nkij,nyj,nxi->nkyx",
        displacements,
        _grid_weights(y),
        _grid_weights(x),
        precision="highest",
    )


def _grid_weights(place) -> jax.Array:
    points = jnp.arange(ELASTIC_GRID, dtype=jnp.float32)
    distance = (place[..., None] + 0.5) * (ELASTIC_GRID - 1) - points
    distance = jnp.minimum(1.0, jnp.abs(distance))
    return 1 - distance**2 * (3 - 2 * distance)


def _flagged(digits, uniform) -> jax.Array:
    """Each digit with a flag, half of them with a foot; see `ones.embellish_ones`."""
    top, bottom, height, stroke = _ends(digits)
    across = height * (0.15 + 0.25 * uniform[0])
    down = across * 0.5 + height * 0.3 * uniform[1]
    flag = _line(top, (top[0] - across, top[1] + down), stroke)
    half = height * (0.15 + 0.15 * uniform[2])
    left, right = (bottom[0] - half, bottom[1]), (bottom[0] + half, bottom[1])
    has_foot = (uniform[4] < 0.5)[:, None, None]
    foot = jnp.where(has_foot, _line(left, right, stroke), 0)
    return jnp.maximum(digits, jnp.maximum(flag, foot))


def _ends(digits):
    ink = digits / 255
    place = jnp.arange(DIGIT_SIZE, dtype=jnp.float32)
    has_ink = jnp.max(ink, axis=2) > 0.5
    first = jnp.min(jnp.where(has_ink, place, DIGIT_SIZE - 1.0), axis=1)
    last = jnp.max(jnp.where(has_ink, place, 0.0), axis=1)

    def middle_of_row(row):
        pixels = jnp.where(place[:, None] == row[:, None, None], ink, 0.0)
        weight = jnp.sum(pixels, axis=(1, 2))
        return jnp.sum(pixels * place, axis=(1, 2)) / (weight + 1e-6)

    height = jnp.maximum(1.0, last - first + 1)
    width = jnp.sum(ink, axis=(1, 2)) / height
    top, bottom = (middle_of_row(first), first), (middle_of_row(last), last)
    return top, bottom, height, jnp.clip(width, 1.0, 4.0)


def _line(start, end, width) -> jax.Array:
    start_x, start_y, end_x, end_y, width = (
        value[:, None, None] for value in (*start, *end, width)
    )
    place = jnp.arange(DIGIT_SIZE, dtype=jnp.float32)
    x, y = place - start_x, place[:, None] - start_y
    run_x, run_y = end_x - start_x, end_y - start_y
    length = run_x**2 + run_y**2
    along = jnp.clip((x * run_x + y * run_y) / length, 0.0, 1.0)
    distance = jnp.sqrt((x - along * run_x) ** 2 + (y - along * run_y) ** 2)
    ink = jnp.clip(width / 2 + 0.5 - distance, 0.0, 1.0)
    return jnp.round(255 * ink)
