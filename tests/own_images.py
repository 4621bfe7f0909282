"""Images of a person's own, made and saved as tests need them."""

import numpy as np
from PIL import Image


def noise(count, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 40, 168), np.uint8)


def save_png(path, pixels, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, format="PNG")


def save_pair(folder, images, sums):
    np.save(folder / "images.npy", images)
    np.save(folder / "sums.npy", sums)
    return str(folder / "images.npy"), str(folder / "sums.npy")
