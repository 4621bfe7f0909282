"""Readers of a person's own files, for `fuzz_readers.py`.

Each writes good files, of which some are damaged and given to `read`.
"""

import io

import numpy as np
import PIL.Image

from mnist_sum_tf.data import digits, labelled_images, picture_headers
from mnist_sum_tf.data.pictures import canvas_of


class Pictures:
    """What predict.py reads."""

    def __init__(self, folder):
        self.path = folder / "picture"
        rng = np.random.default_rng(0)
        grey = PIL.Image.fromarray(rng.integers(0, 256, (40, 168), np.uint8))
        colour = PIL.Image.fromarray(rng.integers(0, 256, (61, 90, 3), np.uint8))
        self.good = [
            _encoded(grey, "PNG"),
            _encoded(colour, "PNG"),
            _encoded(colour.convert("RGBA"), "PNG"),
            _encoded(grey.convert("1"), "PNG"),
            _encoded(colour, "JPEG"),
            _encoded(grey, "JPEG"),
            _encoded(grey, "GIF"),
            _encoded(colour, "BMP"),
            _encoded(colour, "JPEG", progressive=True),
        ]

    def read(self, content):
        self.path.write_bytes(content)
        content = picture_headers.read_picture(self.path)
        canvas_of(str(self.path), content)


def _encoded(image, kind, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


class LabelledPngs(Pictures):
    """What train_encoder.py --images=FOLDER reads."""

    def __init__(self, folder):
        super().__init__(folder)
        self.good = self.good[:1]
        (folder / "pngs").mkdir()
        self.path = folder / "pngs" / "0428.png"

    def read(self, content):
        self.path.write_bytes(content)
        labelled_images.read_png_folder(str(self.path.parent))


class NpyImages:
    """What --images=....npy --sums=....npy reads, one or the other damaged."""

    name = "images.npy"

    def __init__(self, folder):
        self.folder = folder / type(self).__name__
        self.folder.mkdir()
        rng = np.random.default_rng(0)
        arrays = {
            "images.npy": rng.integers(0, 256, (5, 40, 168), np.uint8),
            "sums.npy": np.arange(5),
        }
        for name, array in arrays.items():
            np.save(self.folder / name, array)
        self.good = [(self.folder / self.name).read_bytes()]
        if self.name == "images.npy":
            np.save(folder / "float.npy", arrays["images.npy"] / 255.0)
            self.good.append((folder / "float.npy").read_bytes())

    def read(self, content):
        (self.folder / self.name).write_bytes(content)
        labelled_images.read_npy_pair(
            str(self.folder / "images.npy"), str(self.folder / "sums.npy")
        )


class NpySums(NpyImages):
    name = "sums.npy"


class NpzDigits:
    """What --digits=....npz reads."""

    def __init__(self, folder):
        self.path = folder / "digits.npz"
        arrays = {
            "x_train": np.full((48, 28, 28), 70, np.uint8),
            "y_train": np.arange(48) % 10,
            "x_test": np.full((4, 28, 28), 70, np.uint8),
            "y_test": np.arange(4),
        }
        self.good = []
        for save in (np.savez, np.savez_compressed):
            save(self.path, **arrays)
            self.good.append(self.path.read_bytes())

    def read(self, content):
        self.path.write_bytes(content)
        digits.load_digits(str(self.path))
