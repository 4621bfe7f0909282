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
  let digits = [];
  for (const stroke of strokes) add(digits, digitOf(stroke), height);
  for (let one = surest(digits); one; one = surest(digits)) {
    const pair = [one, one.partner];
    digits = digits.filter((digit) => !pair.includes(digit));
    for (const digit of digits) forget(digit, pair);
    add(digits, joined(...pair), height);
  }
  return digits.sort((a, b) => middle(a.box) - middle(b.box));
}

function digitOf(stroke) {
  return asDigit([stroke], boxOf([stroke]), someOf(stroke));
}

function joined(one, other) {
  const box = {
    left: Math.min(one.box.left, other.box.left),
    right: Math.max(one.box.right, other.box.right),
    top: Math.min(one.box.top, other.box.top),
    bottom: Math.max(one.box.bottom, other.box.bottom),
  };
  const strokes = [...one.strokes, ...other.strokes];
  return asDigit(strokes, box, [...one.points, ...other.points]);
}

/**
 * `later` has how surely a digit belongs to each of those after it, where it may;
 * `partner` is the one it belongs to most surely. So each two are compared once.
 */
function asDigit(strokes, box, points) {
  return { strokes, box, points, later: new Map(), partner: null, sureness: 0 };
}

function someOf(stroke) {
  const step = Math.max(1, Math.floor(stroke.length / POINTS_COMPARED));
  return stroke.filter((_, i) => i % step === 0 || i === stroke.length - 1);
}

function middle(box) {
  return (box.left + box.right) / 2;
}

/** The digit that belongs to a later one most surely, if any does. */
function surest(digits) {
  let best = null;
  for (const digit of digits) {
    if (digit.partner && !(digit.sureness <= best?.sureness)) best = digit;
  }
  return best;
}

/** Puts a digit behind all others, who may belong to it. */
function add(digits, added, height) {
  for (const digit of digits) {
    const sureness = belonging(digit, added, height);
    if (sureness > 0) digit.later.set(added, sureness);
    prefer(digit, added, sureness);
  }
  digits.push(added);
}

/** Of equals, the one that comes first is kept. */
function prefer(digit, other, sureness) {
  if (sureness > digit.sureness) [digit.partner, digit.sureness] = [other, sureness];
}

function forget(digit, gone) {
  for (const other of gone) digit.later.delete(other);
  if (!gone.includes(digit.partner)) return;
  [digit.partner, digit.sureness] = [null, 0];
  for (const [other, sureness] of digit.later) prefer(digit, other, sureness);
}

/** Above 0 if two belong to one digit. */
function belonging(one, other, height) {
  const overlap =
    Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
  const width = Math.min(one.box.right - one.box.left, other.box.right - other.box.left);
  const shared = overlap / Math.max(width, LEAST_WIDTH * height);
  if (shared >= LEAST_OVERLAP) return shared;
  return areClose(one, other, LARGEST_DISTANCE * height) ? 0.1 : 0;
}

/** Whether any two points are at most so far apart. */
function areClose(one, other, limit) {
  if (gap(one.box, other.box) > limit) return false;
  const near = one.points.filter((point) => isBeside(point, other.box, limit));
  return near.some((a) => other.points.some((b) => isWithin(a, b, limit)));
}

/** How far apart boxes are, across or down: no points are closer. */
function gap(box, other) {
  return Math.max(
    Math.max(box.left, other.left) - Math.min(box.right, other.right),
    Math.max(box.top, other.top) - Math.min(box.bottom, other.bottom),
  );
}

function isBeside({ x, y }, { left, right, top, bottom }, limit) {
  const isAcross = left - x <= limit && x - right <= limit;
  return isAcross && top - y <= limit && y - bottom <= limit;
}

function isWithin(a, b, limit) {
  const x = Math.abs(a.x - b.x);
  const y = Math.abs(a.y - b.y);
  return x <= limit && y <= limit && Math.hypot(x, y) <= limit; // `hypot` is slow.
}
