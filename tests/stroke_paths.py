"""Strings of four digits drawn by a made-up hand, as paths of a pointer.

Nothing here comes from MNIST: the forms are those of `stroke_glyphs.py`, each
drawn with a slant, size, width, baseline, pace and tremble of its own.
"""

import dataclasses

import numpy as np
from stroke_glyphs import GLYPHS

WIDTH, HEIGHT = 168.0, 40.0
NUM_DIGITS = 4


@dataclasses.dataclass(frozen=True)
class Drawing:
    """Four digits on a canvas of 168x40 units.

    Attributes:
        digits: as they are meant.
        forms: the names of the forms that were drawn.
        strokes: float64 arrays `[n, 2]` of x and y, in the order of drawing.
    """

    digits: tuple[int, ...]
    forms: tuple[str, ...]
    strokes: tuple[np.ndarray, ...]


@dataclasses.dataclass(frozen=True)
class Hand:
    """What the digits of one string share.

    Attributes:
        height: of a digit, in canvas units.
        stretch: width relative to the form's own.
        slant: units to the right for each unit up.
        gap: between two digits, in canvas units.
        step: units that the pointer moves between two events.
        tremble: standard deviation of a form's points, in heights.
        wander: standard deviation of a digit's vertical place, in heights.
    """

    height: float
    stretch: float
    slant: float
    gap: float
    step: float
    tremble: float
    wander: float


def draw_string(seed: int) -> Drawing:
    """The drawing of a seed; another one for each."""
    rng = np.random.default_rng([20, seed])
    digits = tuple(int(d) for d in rng.integers(0, 10, NUM_DIGITS))
    forms = tuple(str(rng.choice(sorted(GLYPHS[digit]))) for digit in digits)
    hand = _some_hand(rng)
    drawn = [_draw_digit(GLYPHS[d][f], hand, rng) for d, f in zip(digits, forms)]
    strokes = _side_by_side(drawn, hand, rng)
    return Drawing(digits, forms, tuple(_pace(s, hand.step) for s in strokes))


def _some_hand(rng) -> Hand:
    return Hand(
        height=rng.uniform(14, 36),
        stretch=rng.uniform(0.7, 1.3),
        slant=rng.normal(0.08, 0.16),
        gap=rng.uniform(1, 22),
        step=rng.uniform(1.0, 4.0),
        tremble=rng.uniform(0.005, 0.04),
        wander=rng.uniform(0.0, 0.1),
    )


def _draw_digit(form, hand: Hand, rng) -> list[np.ndarray]:
    """A form's strokes, deformed and sized, its top left corner near (0, 0)."""
    height = hand.height * rng.uniform(0.82, 1.18)
    turn = np.radians(rng.normal(0, 5))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    stretch = hand.stretch * rng.uniform(0.85, 1.15)
    strokes = []
    for points in form:
        points = np.array(points, float)
        # A corner stays one: what is given twice trembles alike.
        same = (np.diff(points, axis=0, prepend=np.nan) == 0).all(axis=1)
        noise = rng.normal(0, hand.tremble, points.shape)
        noise[same] = noise[np.flatnonzero(same) - 1]
        curve = _smooth(points + noise) @ rotation.T
        curve[:, 0] = stretch * curve[:, 0] + hand.slant * (1 - curve[:, 1])
        strokes.append(height * curve)
    return strokes


def _smooth(points: np.ndarray, num_steps: int = 24) -> np.ndarray:
    """A centripetal-like Catmull-Rom curve through points, sharp at doubles."""
    pieces = []
    corners = np.flatnonzero((np.diff(points, axis=0) == 0).all(axis=1))
    for part in np.split(points, corners + 1):
        if len(part) < 2:
            continue
        ends = np.vstack([2 * part[0] - part[1], part, 2 * part[-1] - part[-2]])
        t = np.linspace(0, 1, num_steps, endpoint=False)[:, np.newaxis]
        for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:]):
            pieces.append(
                b
                + 0.5 * t * (c - a)
                + t**2 * (a - 2.5 * b + 2 * c - 0.5 * d)
                + t**3 * (1.5 * (b - c) + 0.5 * (d - a))
            )
        pieces.append(part[-1:])
    return np.vstack(pieces)


def _side_by_side(drawn, hand: Hand, rng) -> list[np.ndarray]:
    """Digits in a row somewhere on the canvas, narrowed where it is full."""
    placed, x = [], 0.0
    for strokes in drawn:
        every = np.vstack(strokes)
        y = rng.normal(0, hand.wander * hand.height)
        shift = np.array([x - every[:, 0].min(), y - every[:, 1].min()])
        placed += [stroke + shift for stroke in strokes]
        x += np.ptp(every[:, 0]) + hand.gap * rng.uniform(0.5, 1.5)
    every = np.vstack(placed)
    size, start = np.ptp(every, axis=0), every.min(axis=0)
    scale = min(1.0, (WIDTH - 8) / size[0], (HEIGHT - 3) / size[1])
    free = np.array([WIDTH, HEIGHT]) - scale * size
    corner = free * rng.uniform(0.2, 0.8, 2)
    return [scale * (stroke - start) + corner for stroke in placed]


def _pace(curve: np.ndarray, step: float) -> np.ndarray:
    """The points of a curve at equal distances, its last one included."""
    lengths = np.hypot(*np.diff(curve, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    count = max(2, int(np.ceil(along[-1] / step)) + 1)
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, axis) for axis in curve.T], axis=1)
