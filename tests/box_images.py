"""Images of boxes whose widths tell the digits, and a cell reader's settings for them."""

import dataclasses

import numpy as np

from mnist_sum_tf.presets import get_preset

NUM_IMAGES = 100


def glyph(digit):
    """A box whose width tells the digit; uint8 `[20, 2 + digit]`."""
    return np.full((20, 2 + digit), 250, np.uint8)


def image_of(four_digits, gap=10):
    image = np.zeros((40, 168), np.uint8)
    for slot, digit in enumerate(four_digits):
        piece = glyph(digit)
        left = 5 + slot * (12 + gap)
        image[8 + slot : 28 + slot, left : left + piece.shape[1]] = piece
    return image


def some_digits():
    return np.random.default_rng(0).integers(0, 10, (NUM_IMAGES, 4))


def write_pair(folder):
    """Writes an `.npy` of images, the last of which cannot be cut, and that of sums."""
    images = np.stack([image_of(each) for each in some_digits()])
    images[-1, 10, :] = 255
    np.save(folder / "images.npy", images)
    np.save(folder / "sums.npy", some_digits().sum(axis=1))
    return str(folder / "images.npy"), str(folder / "sums.npy")


def small(pair, **changes):
    """Two steps on those images."""
    preset = get_preset("compact", "cell_reader")
    return dataclasses.replace(
        preset,
        total_steps=2,
        global_batch_size=4,
        precision="float32",
        checkpoint_every_steps=2,
        evaluate_every_steps=2,
        data=dataclasses.replace(preset.data, images=pair[0], sums=pair[1]),
        **changes,
    )
