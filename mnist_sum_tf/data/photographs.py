"""Synthetic photographs: four handwritten digits on paper, card or blackboard.

They imitate a phone's camera: varying size and colour, light from one side,
grain, a slightly turned page. Made with Pillow, not in the graph.
"""

import io
import pathlib
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageFilter

from mnist_sum_tf.atomic_files import write_atomically
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.user_errors import os_errors_as_user_errors

# Digits are drawn large, then shrunk into the picture: smooth strokes.
STROKE_SIZE = 196


class Scene(NamedTuple):
    """What is photographed, and how.

    Attributes:
        size: height and width of the photograph in pixels.
        paper, pen: colours, red, green, blue, 0 to 255.
        digit_height: height in pixels of a digit's 28x28 box.
        darkest: relative brightness, 0 to 1, at the corner farthest from the lamp.
        grain: standard deviation of the noise, 0 to 255.
        turn: degrees counter-clockwise.
        lines: pixels between the lines of ruled paper; 0 for blank paper.
        table: colour of the table around the sheet, or `None` if none is seen.
    """

    size: tuple[int, int]
    paper: tuple[int, int, int]
    pen: tuple[int, int, int]
    digit_height: int
    darkest: float = 1.0
    grain: float = 0.0
    turn: float = 0.0
    lines: int = 0
    table: tuple[int, int, int] | None = None


SCENES = {
    "drawing": Scene((200, 640), (255, 255, 255), (0, 0, 0), 120),
    "pen": Scene((480, 720), (226, 221, 206), (38, 48, 120), 110, 0.5, 4, 3),
    "pencil": Scene((360, 800), (236, 234, 226), (128, 126, 122), 120, 0.7, 3),
    "marker": Scene((300, 700), (250, 244, 214), (176, 28, 36), 140, 0.6, 4, -4),
    "chalk": Scene((420, 800), (44, 62, 54), (214, 216, 208), 130, 0.6, 4, 2),
    "ruled": Scene((480, 720), (240, 240, 236), (30, 34, 60), 110, 0.7, 3, -2, 58),
    "card": Scene(
        (540, 720), (238, 234, 224), (28, 28, 36), 80, 0.6, 4, 2, 0, (74, 52, 40)
    ),
}


def photograph(digit_images, scene: Scene, seed: int) -> PIL.Image.Image:
    """Photographs four digits.

    Args:
        digit_images: uint8 `[4, 28, 28]`, white on black.
        scene: one of `SCENES`, or another one with room for the row of digits.
        seed: seed of the digits' positions and of the grain.

    Returns:
        An image in RGB, as large as the scene.
    """
    rng = np.random.default_rng(seed)
    ink = _row_of_digits(digit_images, scene, rng)
    light = _light(scene, rng)
    ink, sheet = (_turned(layer, scene.turn) for layer in (ink, _sheet(scene)))
    paper = np.array(scene.paper, float) * np.ones((*scene.size, 1))
    if scene.lines:
        ruled = np.arange(scene.size[0]) % scene.lines < 2
        paper[ruled] = 0.9 * paper[ruled]
    pixels = paper + (np.array(scene.pen) - paper) * ink[..., np.newaxis]
    if scene.table:
        table = np.array(scene.table, float)
        pixels = table + (pixels - table) * sheet[..., np.newaxis]
    pixels = pixels * light[..., np.newaxis]
    pixels += rng.normal(0, 1, pixels.shape) * scene.grain
    pixels = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    return PIL.Image.fromarray(pixels)


def write_photographs(digits: Digits, seed: int, output_dir) -> list[str]:
    """Writes a photograph of each of `SCENES`, four drawn digits in each.

    Args:
        digits: which the four are drawn from.
        seed: seed of that choice and of the photographs.
        output_dir: made if missing.

    Returns:
        The paths: `<four digits>_<scene>.jpg`, `.png` where there is no grain.

    Raises:
        UserError: if the folder cannot be written.
    """
    output_dir = pathlib.Path(output_dir)
    with os_errors_as_user_errors(output_dir):
        output_dir.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    paths = []
    for name, scene in SCENES.items():
        chosen = rng.integers(0, len(digits.labels), 4)
        kind, suffix = ("JPEG", "jpg") if scene.grain else ("PNG", "png")
        image = photograph(digits.images[chosen], scene, seed)
        label = "".join(map(str, digits.labels[chosen]))
        path = output_dir / f"{label}_{name}.{suffix}"
        with os_errors_as_user_errors(output_dir):
            write_atomically(path, encode_photograph(image, kind))
        paths.append(str(path))
    return paths


def encode_photograph(image: PIL.Image.Image, kind: str = "JPEG") -> bytes:
    """An image as the bytes of a `"JPEG"` or `"PNG"` file."""
    file = io.BytesIO()
    options = {"quality": 85} if kind == "JPEG" else {"optimize": True}
    image.save(file, kind, **options)
    return file.getvalue()


def _row_of_digits(digit_images, scene: Scene, rng) -> np.ndarray:
    """Ink, float `[height, width]`, 0 to 1, of digits in a row."""
    height, width = scene.size
    side = scene.digit_height
    steps = rng.uniform(0.75, 0.95, 4) * side
    left = (width - steps[:3].sum() - side) / 2
    ink = np.zeros(scene.size)
    for digit, step in zip(digit_images, steps):
        top = (height - side) / 2 + rng.uniform(-0.08, 0.08) * side
        stroke = _stroke(digit, side)
        row, column = round(top), round(left)
        place = ink[row : row + side, column : column + side]
        np.maximum(place, stroke, out=place)
        left += step
    return ink


def _stroke(digit, side: int) -> np.ndarray:
    """A digit as if drawn with a pen: enlarged, with sharp outlines."""
    image = PIL.Image.fromarray(np.asarray(digit))
    image = image.resize((STROKE_SIZE, STROKE_SIZE), PIL.Image.BICUBIC)
    image = image.filter(PIL.ImageFilter.GaussianBlur(3))
    sharp = np.clip(3 * (np.asarray(image, float) / 255 - 0.5) + 0.5, 0, 1)
    image = PIL.Image.fromarray(np.round(255 * sharp).astype(np.uint8))
    return np.asarray(image.resize((side, side), PIL.Image.BOX), float) / 255


def _light(scene: Scene, rng) -> np.ndarray:
    """Float `[height, width]`: 1 next to the lamp, less farther away."""
    rows, columns = (np.linspace(0, 1, side) for side in scene.size)
    lamp = rng.integers(0, 2, 2)
    distance = np.hypot(rows[:, np.newaxis] - lamp[0], columns - lamp[1])
    return 1 - (1 - scene.darkest) * distance / np.sqrt(2)


def _sheet(scene: Scene) -> np.ndarray:
    """1 on a sheet in the middle of the picture, 0 around it."""
    height, width = scene.size
    sheet = np.zeros(scene.size)
    top, left = height // 4, width // 8
    sheet[top : height - top, left : width - left] = 1
    return sheet


def _turned(layer, degrees: float) -> np.ndarray:
    image = PIL.Image.fromarray(np.round(255 * layer).astype(np.uint8))
    turned = image.rotate(degrees, PIL.Image.BICUBIC)
    return np.asarray(turned, float) / 255
