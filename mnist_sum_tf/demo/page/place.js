// Strokes as a person drew them -> where and how large the model sees them.

import { boxOf, groupDigits } from "./digits.js";
import { HEIGHT, WIDTH } from "./rasterise.js";

// In canvas pixels. MNIST's digits are 20 pixels high; so are those that the
// model saw most of.
const DIGIT_HEIGHT = 20;
const LARGEST_HEIGHT = 36;
const LARGEST_WIDTH = 160;
// Space between two digits, in heights of the tallest: they must not touch, and
// wide gaps must not cost the digits their size.
const LEAST_SPACE = 0.1;
const LARGEST_SPACE = 0.6;
// A first short stroke is not blown up to a digit's height.
const LARGEST_SCALE = 2;

/**
 * Sizes and centres a drawing as MNIST does, its digits side by side.
 *
 * @param {Array<Array<{x: number, y: number}>>} strokes on a pad that is 168
 *     units wide and 40 high.
 * @returns the strokes in pixels of the model's canvas.
 */
export function placeStrokes(strokes) {
  if (strokes.length === 0) return [];
  const digits = groupDigits(strokes);
  const tallest = Math.max(...digits.map(({ box }) => box.bottom - box.top));
  const spaced = spaceOut(digits, tallest);
  const box = boxOf(spaced);
  const scale = Math.min(
    LARGEST_SCALE,
    DIGIT_HEIGHT / tallest,
    LARGEST_HEIGHT / (box.bottom - box.top),
    LARGEST_WIDTH / (box.right - box.left),
  );
  return moved(spaced, (x, y) => ({
    x: WIDTH / 2 + scale * (x - (box.left + box.right) / 2),
    y: HEIGHT / 2 + scale * (y - (box.top + box.bottom) / 2),
  }));
}

/** Moves digits across until no two are too close or too far apart. */
function spaceOut(digits, height) {
  let end = null;
  let lastEnd = null;
  return digits.flatMap(({ strokes, box }) => {
    const space = lastEnd === null ? 0 : box.left - lastEnd;
    const least = LEAST_SPACE * height;
    const left =
      end === null ? box.left : end + Math.min(Math.max(space, least), LARGEST_SPACE * height);
    end = left + box.right - box.left;
    lastEnd = box.right;
    return moved(strokes, (x, y) => ({ x: x + left - box.left, y }));
  });
}

function moved(strokes, move) {
  return strokes.map((stroke) => stroke.map(({ x, y }) => move(x, y)));
}
