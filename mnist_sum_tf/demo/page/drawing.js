// What is on the pad: strokes, or one picture. No page element is touched here.

// In units of the pad, which is 168 wide and 40 high.
const LEAST_STEP = 0.3;
const MOST_POINTS = 20000;

/**
 * Calls `onChange` after every change; `version` counts them. `generation` counts the
 * drawings and pictures begun: strokes of one are added to what was there.
 */
export class Drawing {
  #actions = []; // Each is what one undo takes back: a list of strokes.
  #numPoints = 0;
  #open = null; // The stroke that a pointer is still drawing.

  constructor(onChange) {
    this.onChange = onChange;
    this.version = 0;
    this.generation = 0;
    this.picture = null;
  }

  get strokes() {
    return this.#actions.flat();
  }

  get isEmpty() {
    return this.#actions.length === 0 && this.picture === null;
  }

  /** Begins a stroke at a point `{x, y}`; it replaces a picture. */
  begin(point) {
    const stroke = [point];
    this.add([stroke]);
    this.#open = stroke;
  }

  /**
   * Extends the last stroke through points; points too close to its end are
   * skipped. Does nothing once anything else has been done.
   */
  extend(points) {
    const stroke = this.#open;
    if (stroke === null) return;
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
    if (this.#actions.length === 0) this.generation += 1;
    this.#open = null;
    this.picture = null;
    this.#actions.push(strokes);
    this.#changed();
  }

  /** Puts a picture in place of strokes; `{base64, file, url, name}`. */
  show(picture) {
    this.#open = null;
    this.#actions = [];
    this.generation += 1;
    this.picture = picture;
    this.#changed();
  }

  undo() {
    if (this.isEmpty) return;
    this.#open = null;
    if (this.picture) this.picture = null;
    else this.#actions.pop();
    this.#changed();
  }

  clear() {
    if (this.isEmpty) return;
    this.#open = null;
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
