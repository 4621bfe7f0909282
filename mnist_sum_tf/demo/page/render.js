// A drawing -> the image that the model reads; the only place where this is done.
//
// A mouse draws thin, even lines, of any size, anywhere. MNIST's digits, which
// the model learned from, were scanned ink: 20 pixels high in a margin, with
// strokes of two to three pixels and soft edges. So the strokes are kept as
// paths and drawn afresh that way, instead of shrinking what the screen shows.
// `python tests/check_drawings.py` measures what it is worth.

import { placeStrokes } from "./place.js";
import { rasterise } from "./rasterise.js";

const PEN = { width: 2.5, softness: 1 };

/**
 * @param {Array<Array<{x: number, y: number}>>} strokes, see `placeStrokes`.
 * @returns {Uint8Array} 40 rows of 168 pixels, white (255) on black (0).
 */
export function render(strokes) {
  return rasterise(placeStrokes(strokes), PEN);
}
