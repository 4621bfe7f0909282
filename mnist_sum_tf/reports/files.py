"""Pictures as bytes."""

import base64
import io

import numpy as np
import PIL.Image
from matplotlib.figure import Figure

DOTS_PER_INCH = 150


def figure_png(figure) -> bytes:
    """A matplotlib figure as a PNG, at the size it is to be printed in."""
    file = io.BytesIO()
    # No version or date within: equal figures give equal files.
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return file.getvalue()


def image_png(image) -> bytes:
    """A PIL image, or uint8 pixels `[height, width]`, as a PNG."""
    if not isinstance(image, PIL.Image.Image):
        image = PIL.Image.fromarray(np.asarray(image, np.uint8))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class Shown:
    """A picture that notebooks show: a figure, a PIL image, or uint8 pixels.

    Notebooks would store a PIL image twice, as PNG and as JPEG.
    """

    def __init__(self, picture):
        is_figure = isinstance(picture, Figure)
        self._png = figure_png(picture) if is_figure else image_png(picture)

    def _repr_png_(self) -> bytes:
        return self._png

    def __repr__(self):
        return "a picture"


def data_uri(png: bytes) -> str:
    """A PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
