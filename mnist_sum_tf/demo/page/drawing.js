// What is on the pad: strokes, or one picture. No page element is touched here.

// In units of the pad, which is 168 wide and 40 high.
const LEAST_STEP = 0.3;
const MOST_POINTS = 20000;

/** Calls `onChange` after every change; `version` counts them. */
export class Drawing {
  #actions = []; // Each is what one undo takes back: a list of strokes.
  #numPoints = 0;

  constructor(onChange) {
    this.onChange = onChange;
    this.version = 0;
    this.picture = null;
  }

  get strokes() {
    return this.#actions.flat();
  }

  get isEmpty() {
    return this.#actions.length === 0 && this.picture === null;
  }

  /** Begins a stroke at a point `{x, y}`; a picture makes room for it. */
  begin(point) {
    this.add([[point]]);
  }

  /** Draws the last stroke on, through points; those on top of it are left out. */
  extend(points) {
    const stroke = this.#actions.at(-1).at(-1);
    const before = stroke.length;
    for (const point of points) {
      const last = stroke.at(-1);
      const isFull = this.#numPoints >= MOST_POINTS;
      if (isFull || Math.hypot(point.x - last.x, point.y - last.y) < LEAST_STEP) continue;
      stroke.push(point);
      this.#numPoints += 1;
    }
    if (stroke.length > before) this.#changed();
  }

  /** Adds strokes that one undo takes back. */
  add(strokes) {
    this.picture = null;
    this.#actions.push(strokes);
    this.#changed();
  }

  /** Puts a picture in place of strokes; `{base64, file, url, name}`. */
  show(picture) {
    this.#actions = [];
    this.picture = picture;
    this.#changed();
  }

  undo() {
    if (this.isEmpty) return;
    if (this.picture) this.picture = null;
    else this.#actions.pop();
    this.#changed();
  }

  clear() {
    if (this.isEmpty) return;
    this.#actions = [];
    this.picture = null;
    this.#changed();
  }

  #changed() {
    this.version += 1;
    this.#numPoints = this.strokes.reduce((sum, stroke) => sum + stroke.length, 0);
    this.onChange();
  }
}
