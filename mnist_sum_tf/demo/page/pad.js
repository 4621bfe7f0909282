// The pad: a pointer becomes strokes, and strokes are shown.

import { HEIGHT, WIDTH } from "./rasterise.js";

const LINE_WIDTH = 1.3; // In units of the pad, which is 168 wide.

/**
 * Draws with mouse, pen or finger, one at a time.
 *
 * @param {HTMLElement} pad
 * @param {Drawing} drawing
 */
export function listenToPointer(pad, drawing) {
  let active = null;
  pad.addEventListener("pointerdown", (event) => {
    if (active !== null || event.button !== 0) return;
    active = event.pointerId;
    pad.setPointerCapture(active);
    drawing.begin(pointOf(pad, event));
  });
  pad.addEventListener("pointermove", (event) => {
    if (event.pointerId !== active) return;
    // A browser reports several movements at once.
    const events = event.getCoalescedEvents?.() ?? [];
    drawing.extend([...events, event].map((each) => pointOf(pad, each)));
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    pad.addEventListener(end, (event) => {
      if (event.pointerId === active) active = null;
    });
  }
  // Else a finger scrolls the page, or a mouse marks its text.
  pad.addEventListener("touchstart", (event) => event.preventDefault());
}

function pointOf(pad, event) {
  const box = pad.getBoundingClientRect();
  const within = (value, limit) => Math.min(limit, Math.max(0, value));
  return {
    x: within(((event.clientX - box.left) / box.width) * WIDTH, WIDTH),
    y: within(((event.clientY - box.top) / box.height) * HEIGHT, HEIGHT),
  };
}

/** Shows strokes on a canvas, sharp on any screen, in its text colour. */
export function showStrokes(canvas, strokes) {
  const scale = (canvas.clientWidth * window.devicePixelRatio) / WIDTH;
  canvas.width = Math.round(WIDTH * scale);
  canvas.height = Math.round(HEIGHT * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.lineWidth = LINE_WIDTH;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = getComputedStyle(canvas).color;
  for (const [first, ...others] of strokes) {
    context.beginPath();
    context.moveTo(first.x, first.y);
    // A tap is a dot.
    for (const { x, y } of others.length ? others : [first]) context.lineTo(x, y);
    context.stroke();
  }
}

/** Shows pixels, 0..255, as grey on a canvas of their size. */
export function showPixels(canvas, pixels) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  pixels.forEach((value, i) => image.data.set([value, value, value, 255], 4 * i));
  context.putImageData(image, 0, 0);
}
