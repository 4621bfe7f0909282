"""What paper, pen and camera do to an image: contrast, blur, noise, holes.

Part of the training mixture only. Each kind touches a fixed share of a batch's
rows (rows are exchangeable, so a fixed share is a random choice) and costs
nothing for the others.
"""

import tensorflow as tf


def wear(images, seed) -> tf.Tensor:
    """Wears part of a batch.

    Args:
        images: uint8 `[batch, 40, 168, 1]`.
        seed: int `[2]`.

    Returns:
        uint8 `[batch, 40, 168, 1]`; the last three quarters of the rows are unchanged.
    """
    part = images.shape[0] // 16
    seeds = tf.unstack(tf.random.split(seed, 4))
    kinds = (change_contrast, blur, add_noise, punch_holes)
    worn = [
        kind(images[i * part : (i + 1) * part], seeds[i])
        for i, kind in enumerate(kinds)
    ]
    return tf.concat(worn + [images[len(kinds) * part :]], axis=0)


def _per_image(images, seed, low: float, high: float) -> tf.Tensor:
    """One number in [low, high) per image, float32 `[batch, 1, 1, 1]`."""
    shape = [tf.shape(images)[0], 1, 1, 1]
    return tf.random.stateless_uniform(shape, seed, low, high)


def _to_uint8(images) -> tf.Tensor:
    return tf.cast(tf.round(tf.clip_by_value(images, 0.0, 255.0)), tf.uint8)


def change_contrast(images, seed) -> tf.Tensor:
    """Ink 50-250 % as bright, paper up to 60 of 255 grey."""
    gain_seed, paper_seed = tf.unstack(tf.random.split(seed, 2))
    gain = tf.exp(_per_image(images, gain_seed, -0.7, 0.9))
    paper = tf.maximum(0.0, _per_image(images, paper_seed, -60.0, 60.0))
    bright = tf.minimum(tf.cast(images, tf.float32) * gain, 255.0)
    return _to_uint8(paper + bright * (255.0 - paper) / 255.0)


def blur(images, seed) -> tf.Tensor:
    """Blurs up to a 3x3 mean, black beyond the border."""
    share = _per_image(images, seed, 0.3, 1.0)
    pixels = tf.cast(images, tf.float32)
    around = tf.pad(pixels, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    mean = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return _to_uint8(pixels + share * (mean - pixels))


def add_noise(images, seed) -> tf.Tensor:
    """Adds Gaussian noise of a standard deviation up to 30 of 255."""
    level_seed, noise_seed = tf.unstack(tf.random.split(seed, 2))
    level = _per_image(images, level_seed, 0.0, 30.0)
    noise = tf.random.stateless_normal(tf.shape(images), noise_seed)
    return _to_uint8(tf.cast(images, tf.float32) + level * noise)


def punch_holes(images, seed) -> tf.Tensor:
    """Blackens up to 8 % of the pixels, whitens up to 1 %."""
    share_seed, place_seed = tf.unstack(tf.random.split(seed, 2))
    share = _per_image(images, share_seed, 0.0, 0.08)
    place = tf.random.stateless_uniform(tf.shape(images), place_seed)
    black = tf.zeros_like(images)
    images = tf.where(place < share, black, images)
    return tf.where(place > 1 - share / 8, 255 - black, images)
