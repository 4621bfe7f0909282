"""Fifteen corruptions of digits and images, to measure a model's robustness.

In the manner of MNIST-C (Mu and Gilmer, "MNIST-C: a robustness benchmark for
computer vision", 2019), with its severities, made anew for our canvas: geometry
is changed per digit before composing; brightness and noise on the whole image.
Each is a function of (arrays, seed) alone.
"""

import numpy as np
from PIL import Image

from mnist_sum_tf import config


def corrupt_digits(digits: np.ndarray, name: str, seed: int) -> np.ndarray:
    """Turns, shears, shrinks or moves each digit by a fixed amount.

    Args:
        digits: uint8 `[n, 28, 28]`.
        name: one of `DIGIT_CORRUPTIONS`.
        seed: chooses each digit's direction.

    Returns:
        uint8 `[n, 28, 28]`.
    """
    signs = np.random.default_rng(seed).choice([-1, 1], (len(digits), 2))
    affine = DIGIT_CORRUPTIONS[name]
    return np.stack(
        [_transform(digit, *affine(*sign)) for digit, sign in zip(digits, signs)]
    )


def corrupt_images(images: np.ndarray, name: str, seed: int) -> np.ndarray:
    """Applies one image corruption: brightness, blur, noise or clutter.

    Args:
        images: uint8 `[n, 40, 168, 1]`.
        name: one of `IMAGE_CORRUPTIONS`.
        seed: seed of everything random.

    Returns:
        uint8 `[n, 40, 168, 1]`.
    """
    pixels = images[..., 0].astype(np.float32) / 255
    spoiled = IMAGE_CORRUPTIONS[name](pixels, np.random.default_rng(seed))
    spoiled = np.clip(np.asarray(spoiled) * 255, 0, 255)
    return np.round(spoiled).astype(np.uint8)[..., np.newaxis]


def _transform(digit: np.ndarray, matrix, shift) -> np.ndarray:
    """Each pixel at p looks up matrix (p - center) + center + shift."""
    center = np.full(2, config.DIGIT_SIZE / 2)
    offset = center + shift - matrix @ center
    data = (*matrix[0], offset[0], *matrix[1], offset[1])
    image = Image.fromarray(digit)
    turned = image.transform(
        image.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR
    )
    return np.asarray(turned)


def _shear(sign, _):
    return np.array([[1, 0.4 * sign], [0, 1]]), 0


def _rotate(sign, _):
    cos, sin = np.cos(0.4), sign * np.sin(0.4)  # radians
    return np.array([[cos, -sin], [sin, cos]]), 0


def _scale(*_):
    return np.eye(2) / 0.7, 0


def _translate(*signs):
    return np.eye(2), 3 * np.array(signs)


def _shot_noise(pixels, rng):
    return rng.poisson(pixels * 3) / 3


def _impulse_noise(pixels, rng):
    place = rng.random(pixels.shape)
    return np.where(place < 0.085, 0, np.where(place > 1 - 0.085, 1, pixels))


def _blur(pixels, sigma: float):
    """A Gaussian, black beyond the border."""
    radius = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (1, 2):
        pixels = _weighted(
            pixels,
            [
                (weight, (shift, 0) if axis == 1 else (0, shift))
                for weight, shift in zip(weights, range(-radius, radius + 1))
            ],
        )
    return pixels


def _weighted(pixels, weights_and_shifts):
    """The weighted sum of shifted copies, by rows and columns."""
    reach = max(max(map(abs, shift)) for _, shift in weights_and_shifts)
    padded = np.pad(pixels, ((0, 0), (reach, reach), (reach, reach)))
    _, height, width = pixels.shape
    return sum(
        weight
        * padded[
            :,
            reach + down : reach + down + height,
            reach + right : reach + right + width,
        ]
        for weight, (down, right) in weights_and_shifts
    )


def _glass_blur(pixels, rng):
    """Blurs, replaces each pixel by a random neighbour twice, and blurs again."""
    pixels = _blur(pixels, 0.7)
    rows, columns = np.indices(pixels.shape[1:])
    for _ in range(2):
        down, right = rng.integers(-1, 2, (2, *pixels.shape))
        down = np.clip(rows + down, 0, config.IMAGE_HEIGHT - 1)
        right = np.clip(columns + right, 0, config.IMAGE_WIDTH - 1)
        image = np.arange(len(pixels))[:, np.newaxis, np.newaxis]
        pixels = pixels[image, down, right]
    return _blur(pixels, 0.7)


def _motion_blur(pixels, rng):
    """Smeared to one side along a line up to 45 degrees steep."""
    steps = np.arange(11)
    weights = np.exp(-0.5 * (steps / 3) ** 2)
    angles = rng.uniform(-np.pi / 4, np.pi / 4, len(pixels))
    return np.concatenate(
        [
            _weighted(
                pixels[i : i + 1],
                [
                    (weight, (round(step * np.sin(angle)), round(step * np.cos(angle))))
                    for weight, step in zip(weights / weights.sum(), steps)
                ],
            )
            for i, angle in enumerate(angles)
        ]
    )


def _brightness(pixels, rng):
    return pixels + 0.5


def _stripe(pixels, rng):
    """In each quarter a band of eight columns is inverted."""
    left = rng.integers(0, config.CELL_WIDTH - 8, (len(pixels), config.NUM_DIGITS))
    left = left + config.CELL_WIDTH * np.arange(config.NUM_DIGITS)
    past = np.arange(config.IMAGE_WIDTH) - left[..., np.newaxis]
    inside = ((past >= 0) & (past < 8)).any(axis=1)[:, np.newaxis]
    return np.where(inside, 1 - pixels, pixels)


def _fog(pixels, rng):
    """Clouds of every size, three times as bright as the ink."""
    clouds = 0
    for octave in range(6):
        size = 2 ** (5 - octave)
        rows = -(-config.IMAGE_HEIGHT // size) + 1
        columns = -(-config.IMAGE_WIDTH // size) + 1
        grid = rng.random((len(pixels), rows, columns))
        clouds = clouds + 1.4**-octave * _enlarge(grid, size)
    low = clouds.min(axis=(1, 2), keepdims=True)
    clouds = (clouds - low) / (clouds.max(axis=(1, 2), keepdims=True) - low)
    return (pixels + 3 * clouds) / 4


def _enlarge(grid, size: int):
    """Linear interpolation between points `size` pixels apart."""
    shape = config.CANVAS_SHAPE
    for axis, length in enumerate(shape, start=1):
        place = np.arange(length) / size
        first = place.astype(int)
        share = (place - first)[:, np.newaxis] if axis == 1 else place - first
        grid = (1 - share) * grid.take(first, axis) + share * grid.take(first + 1, axis)
    return grid


def _spatter(pixels, rng):
    """Specks of grey mud."""
    liquid = _blur(rng.normal(0.65, 0.3, pixels.shape), 1.0)
    mud = _blur((liquid > 0.65).astype(np.float32), 1.5)
    mud = np.where(mud < 0.8, 0, mud)
    return pixels * (1 - mud) + mud * 63 / 255


def _line(rows_at):
    """White where a line passes, fading within two pixels.

    Args:
        rows_at: `[n, 168]`, the line's row in each column.
    """
    rows = np.arange(config.IMAGE_HEIGHT)[:, np.newaxis]
    distance = np.abs(rows - rows_at[:, np.newaxis])
    return np.clip(1 + np.log(1 - np.minimum(distance, 2.29) / 2.3), 0, 1)


def _slanted(pixels, rng):
    start, end = rng.integers(0, config.IMAGE_HEIGHT, (2, len(pixels), 1))
    return start + (end - start) * np.linspace(0, 1, config.IMAGE_WIDTH)


def _dotted_line(pixels, rng):
    """From side to side, two columns on, two off."""
    on = np.arange(config.IMAGE_WIDTH) % 4 < 2
    return pixels + _line(_slanted(pixels, rng)) * on


def _zigzag(pixels, rng):
    """From side to side, two pixels up and down."""
    wave = np.abs((np.arange(config.IMAGE_WIDTH) % 8) - 4) - 2
    return pixels + _line(_slanted(pixels, rng) + wave)


def _canny_edges(pixels, rng):
    """White outlines: where brightness changes most, one pixel wide."""
    smooth = _blur(pixels, 1.0)
    down, right = np.gradient(smooth, axis=(1, 2))
    strength = np.hypot(down, right)
    steep = np.abs(down) > np.abs(right)
    along_x = _weighted(strength, [(1, (0, -1))]), _weighted(strength, [(1, (0, 1))])
    along_y = _weighted(strength, [(1, (-1, 0))]), _weighted(strength, [(1, (1, 0))])
    largest = np.where(steep, np.maximum(*along_y), np.maximum(*along_x))
    return (strength >= largest) & (strength > 0.1)


DIGIT_CORRUPTIONS = {
    "shear": _shear,
    "scale": _scale,
    "rotate": _rotate,
    "translate": _translate,
}
IMAGE_CORRUPTIONS = {
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "glass_blur": _glass_blur,
    "motion_blur": _motion_blur,
    "brightness": _brightness,
    "stripe": _stripe,
    "fog": _fog,
    "spatter": _spatter,
    "dotted_line": _dotted_line,
    "zigzag": _zigzag,
    "canny_edges": _canny_edges,
}
