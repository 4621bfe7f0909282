// Which strokes belong to one digit.

// Strokes one above the other (the bar of a 7) share this much of the narrower
// one's width; strokes side by side (the stem of a 4) come this close. Both
// relative to the height of all ink where a stroke has hardly a width.
const LEAST_OVERLAP = 0.4;
const LARGEST_DISTANCE = 0.08;
const LEAST_WIDTH = 0.1;
// Enough points of a stroke to measure distances by.
const POINTS_COMPARED = 48;

/** The smallest box around strokes. */
export function boxOf(strokes) {
  const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const { x, y } of strokes.flat()) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}

/**
 * Puts strokes that make one digit together.
 *
 * @param {Array<Array<{x: number, y: number}>>} strokes in any unit.
 * @returns {Array<{strokes: Array, box: object}>} from left to right. Digits
 *     written in one stroke stay one.
 */
export function groupDigits(strokes) {
  const all = boxOf(strokes);
  const height = all.bottom - all.top;
  let digits = strokes.map(digitOf);
  for (let pair = closest(digits, height); pair; pair = closest(digits, height)) {
    const [one, other] = pair;
    digits = digits.filter((digit) => !pair.includes(digit));
    digits.push(asDigit([...one.strokes, ...other.strokes]));
  }
  return digits.sort((a, b) => middle(a.box) - middle(b.box));
}

function digitOf(stroke) {
  return asDigit([stroke]);
}

function asDigit(strokes) {
  return { strokes, box: boxOf(strokes), points: strokes.flatMap(someOf) };
}

function someOf(stroke) {
  const step = Math.max(1, Math.floor(stroke.length / POINTS_COMPARED));
  return stroke.filter((_, i) => i % step === 0 || i === stroke.length - 1);
}

function middle(box) {
  return (box.left + box.right) / 2;
}

/** The two that belong together most surely, if any do. */
function closest(digits, height) {
  let best = 0;
  let pair = null;
  digits.forEach((one, i) => {
    for (const other of digits.slice(i + 1)) {
      const sureness = belonging(one, other, height);
      if (sureness > best) [best, pair] = [sureness, [one, other]];
    }
  });
  return pair;
}

/** Above 0 if two belong to one digit. */
function belonging(one, other, height) {
  const overlap =
    Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
  const width = Math.min(one.box.right - one.box.left, other.box.right - other.box.left);
  const shared = overlap / Math.max(width, LEAST_WIDTH * height);
  if (shared >= LEAST_OVERLAP) return shared;
  // Far apart across: no point can be close.
  if (overlap < -LARGEST_DISTANCE * height) return 0;
  return distance(one.points, other.points) <= LARGEST_DISTANCE * height ? 0.1 : 0;
}

function distance(points, others) {
  let least = Infinity;
  for (const a of points) {
    for (const b of others) least = Math.min(least, Math.hypot(a.x - b.x, a.y - b.y));
  }
  return least;
}
