// Digits that are typed or given as an example, as strokes.

import { boxOf } from "./digits.js";
import { HEIGHT, WIDTH } from "./rasterise.js";

// Points of each stroke in a box 14 wide and 24 high.
const SHAPES = [
  "7,0 3,2 1,7 0,13 1,19 4,23 8,24 12,21 14,15 14,9 12,3 8,0 6,0",
  "5,0 5,8 4,16 4,24",
  "1,5 3,1 7,0 11,1 13,5 11,10 7,15 3,20 0,24 5,24 14,23",
  "1,3 5,0 10,1 12,5 10,9 5,11 11,13 13,18 10,22 5,24 0,22",
  "3,0 2,7 0,14 7,14 14,13|11,2 11,12 10,24",
  "2,0 2,5 1,10 6,9 11,11 13,16 11,21 6,24 0,22|2,0 8,0 13,0",
  "9,0 5,4 2,10 0,17 2,22 6,24 11,22 13,17 10,13 5,13 1,18",
  "0,1 7,1 14,0 10,8 7,16 5,24",
  "12,4 8,0 3,2 3,7 7,11 12,16 11,22 6,24 1,21 2,16 7,11 11,7 12,4",
  "12,5 8,0 3,2 1,7 4,12 9,11 12,6 12,14 11,24",
];
const BOX = { width: 14, height: 24 };
const GAP = 12;
const FIRST_LEFT = 36;

/**
 * A digit's strokes, to the right of what is drawn.
 *
 * @param {number} digit 0..9.
 * @param {Array} strokes that are there already.
 * @returns {Array | null} strokes, or null where there is no room left.
 */
export function typedDigit(digit, strokes) {
  const left = strokes.length ? boxOf(strokes).right + GAP : FIRST_LEFT;
  if (left + BOX.width > WIDTH) return null;
  const top = (HEIGHT - BOX.height) / 2;
  return SHAPES[digit].split("|").map((stroke) =>
    stroke.split(" ").map((point) => {
      const [x, y] = point.split(",").map(Number);
      return { x: left + x, y: top + y };
    }),
  );
}

/** Four random digits, each a list of strokes. */
export function exampleDigits() {
  const added = [];
  for (let i = 0; i < 4; i++) {
    added.push(typedDigit(Math.floor(10 * Math.random()), added.flat()));
  }
  return added;
}
