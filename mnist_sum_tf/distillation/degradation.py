"""What paper, pen and camera do to canvases: `data.degradation`, in JAX."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np


def degrade(images, key, share: float) -> jax.Array:
    """Degrades the first rows of a batch, some by each kind, with probability `share`.

    Args:
        images: float32 `[n, 40, 168, 1]`, n a multiple of 32.
        key: of JAX' random numbers.
        share: probability that each of those rows is degraded.

    Returns:
        float32 of that shape, whole numbers from 0 to 255.
    """
    keys = jax.random.split(key, len(_KINDS) + 1)
    degraded, first = [], 0
    for (kind, rows), kind_key in zip(_KINDS.items(), keys):
        count = images.shape[0] * rows // _PERIOD
        degraded.append(_degraded_by(kind, images[first : first + count], kind_key))
        first += count
    degraded = jnp.concatenate(degraded)
    is_degraded = _per_image(degraded, keys[-1], 0.0, 1.0) < share
    degraded = jnp.where(is_degraded, degraded, images[:first])
    return jnp.concatenate([degraded, images[first:]])


def _degraded_by(kind, images, key):
    """Of the rows of heavy kinds half get noise, a quarter are blurred."""
    degraded = _to_grey(kind(images, key))
    if kind not in _HEAVY:
        return degraded
    noise_key, blur_key, chance_key = (jax.random.fold_in(key, i) for i in (1, 2, 3))
    count = images.shape[0]
    if count < 4:  # too few to split into half and quarter: each at random
        chance = _per_image(images, chance_key, 0.0, 1.0)
        others = jnp.where(chance < 0.75, _to_grey(_blur(degraded, blur_key)), degraded)
        noisy = _to_grey(_add_noise(degraded, noise_key))
        return jnp.where(chance < 0.5, noisy, others)
    half, most = (count + 1) // 2, (3 * count + 1) // 4
    return jnp.concatenate(
        [
            _to_grey(_add_noise(degraded[:half], noise_key)),
            _to_grey(_blur(degraded[half:most], blur_key)),
            degraded[most:],
        ]
    )


def _to_grey(images):
    return jnp.round(jnp.clip(images, 0.0, 255.0))


def _per_image(images, key, low: float, high: float) -> jax.Array:
    return jax.random.uniform(key, [images.shape[0], 1, 1, 1], minval=low, maxval=high)


def _change_contrast(images, key):
    gain_key, paper_key = jax.random.split(key)
    gain = jnp.exp(_per_image(images, gain_key, -0.7, 0.9))
    paper = jnp.maximum(0.0, _per_image(images, paper_key, -60.0, 60.0))
    bright = jnp.minimum(images * gain, 255.0)
    return paper + bright * (255.0 - paper) / 255.0


def _blur(images, key):
    share = _per_image(images, key, 0.3, 1.0)
    around = jnp.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    mean = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return images + share * (mean - images)


def _add_noise(images, key):
    level_key, noise_key = jax.random.split(key)
    level = _per_image(images, level_key, 0.0, 30.0)
    half = ((len(images) + 1) // 2, *images.shape[1:])
    noise = jax.random.normal(noise_key, half)
    return images + level * jnp.concatenate([noise, -noise])[: len(images)]


def _punch_holes(images, key):
    return _lose_pixels(images, key, 0.08, 1 / 8)


def _salt_and_pepper(images, key):
    return _lose_pixels(images, key, 0.12, 1)


def _lose_pixels(images, key, largest_share, white_per_black):
    share_key, place_key = jax.random.split(key)
    share = _per_image(images, share_key, 0.0, largest_share)
    place = jax.random.uniform(place_key, images.shape)
    images = jnp.where(place < share, 0.0, images)
    return jnp.where(place > 1 - share * white_per_black, 255.0, images)


def _enlarged(grid, images, method: str):
    return jax.image.resize(grid, images.shape, method, antialias=False)


def _cloud(images, key):
    keys = jax.random.split(key, 4)
    density = _per_image(images, keys[0], -0.5, 3.0)
    paper = _per_image(images, keys[1], -0.3, 0.5)
    clouds = 0.0
    for (rows, columns), octave_key in zip(((4, 12), (14, 56)), keys[2:]):
        grid = jax.random.uniform(octave_key, [images.shape[0], rows, columns, 1])
        clouds += 0.5 * _enlarged(grid, images, "linear")
    density = jnp.maximum(0.0, density)
    pixels = images / 255 + density * clouds
    return 255 * (pixels / (1 + density) + jnp.maximum(0.0, paper))


def _stray_line(images, key):
    uniform = jax.random.uniform(key, [7, images.shape[0], 1, 1])
    height, width = images.shape[1:3]
    x = jnp.arange(width, dtype=jnp.float32)
    start, end = uniform[0] * height, uniform[1] * height
    # As `data.degradation_kinds._wave`, in place of a sine.
    turn = (x * (0.2 + 0.8 * uniform[2]) + 6 * uniform[3]) / np.float32(2 * np.pi)
    swing = 2 * (turn - jnp.floor(turn)) - 1
    wave = 4 * swing * (1 - jnp.abs(swing))
    line = start + (end - start) * x / width + 4 * (uniform[4] - 0.4) * wave
    y = jnp.arange(height, dtype=jnp.float32)[:, None]
    ink = jnp.clip(1.0 + uniform[5] - jnp.abs(y - line), 0.0, 1.0)
    is_gap = (uniform[6] < 0.4) & (x % jnp.round(3 + 5 * uniform[5]) < 2)
    return images + 255 * jnp.where(is_gap, 0.0, ink)[..., None]


def _negative_bands(images, key):
    left, size, level = jax.random.uniform(key, [3, images.shape[0], 4, 1, 1, 1])
    width = images.shape[2]
    past = jnp.arange(width, dtype=jnp.float32)[:, None] - left * width
    inside = (past >= 0) & (past < 12 * size)
    level = jnp.max(jnp.where(inside, 0.3 + level, 0.0), axis=1)
    return jnp.abs(images - 255 * jnp.minimum(level, 1.0))


def _splash_mud(images, key):
    keys = jax.random.split(key, 5)
    share = _per_image(images, keys[0], 0.05, 0.5)
    level = _per_image(images, keys[1], 0.1, 0.6)
    small, large = (
        _enlarged(
            jax.random.uniform(grid_key, [images.shape[0], *size, 1]), images, "cubic"
        )
        for size, grid_key in zip(((14, 56), (8, 34)), keys[2:])
    )
    height = jnp.where(_per_image(images, keys[4], 0.0, 1.0) < 0.5, small, large)
    cover = 4 * (height - (1 - share)) + 0.5
    return images + jnp.clip(cover, 0.0, 1.0) * (255 * level - images)


_STEPS = np.array(list(itertools.product((-1, 0, 1), repeat=4)), np.int32)
_MOVES = _STEPS[:, :2] + _STEPS[:, 2:]


def _frost_glass(images, key):
    count, height, width, _ = images.shape
    moves = jax.random.randint(key, [count, height, width], 0, len(_MOVES))
    down, right = jnp.asarray(_MOVES[:, 0])[moves], jnp.asarray(_MOVES[:, 1])[moves]
    row = jnp.clip(jnp.arange(height)[:, None] + down, 0, height - 1)
    column = jnp.clip(jnp.arange(width) + right, 0, width - 1)
    place = (row * width + column).reshape(count, -1)
    flat = images.reshape(count, -1)
    return jnp.take_along_axis(flat, place, axis=1).reshape(images.shape)


def _draw_outlines(images, key):
    sharp_key, inside_key, gain_key, thin_key = jax.random.split(key, 4)
    images = _sharpen(images, sharp_key)
    is_thin = _per_image(images, thin_key, 0.0, 1.0) < 0.5
    inside = jnp.clip(_per_image(images, inside_key, -0.5, 1.5), 0.0, 1.0)
    gain = _per_image(images, gain_key, 1.0, 3.0)

    def largest(pixels):
        down, across, around = (
            jax.lax.reduce_window(
                pixels, -jnp.inf, jax.lax.max, (1, *size, 1), (1, 1, 1, 1), "SAME"
            )
            for size in ((3, 1), (1, 3), (3, 3))
        )
        return jnp.where(is_thin, jnp.maximum(down, across), around)

    grown, shrunk = largest(images), -largest(-images)
    return gain * (inside * (images - shrunk) + (1 - inside) * (grown - images))


def _sharpen(images, key):
    blur_key, chance_key, steep_key, split_key = jax.random.split(key, 4)
    is_blurred = _per_image(images, chance_key, 0.0, 1.0) < 0.5
    images = jnp.where(is_blurred, _to_grey(_blur(images, blur_key)), images)
    steepness = jnp.exp(_per_image(images, steep_key, 0.0, 4.0))
    split = _per_image(images, split_key, 10.0, 130.0)
    return _to_grey(steepness * images - (steepness - 1) * split)


_LIGHT = {_change_contrast: 2, _blur: 2, _add_noise: 2, _punch_holes: 2}
_HEAVY = {
    _salt_and_pepper: 1,
    _cloud: 1,
    _stray_line: 1,
    _negative_bands: 1,
    _splash_mud: 1,
    _frost_glass: 1,
    _draw_outlines: 1,
}
_PERIOD = 32
_KINDS = _LIGHT | _HEAVY
