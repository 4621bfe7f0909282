// Strokes -> pixels, as MNIST's: white lines with soft edges on black.

export const WIDTH = 168;
export const HEIGHT = 40;

/**
 * Draws strokes on the model's canvas.
 *
 * A pixel's ink falls off with its distance to the nearest stroke. The canvas
 * element is not used: its lines differ from browser to browser.
 *
 * @param {Array<Array<{x: number, y: number}>>} strokes in canvas pixels.
 * @param {{width: number, softness: number}} pen in pixels: how wide a line is
 *     at half its brightness, and how far its edge takes from white to black.
 * @returns {Uint8Array} 40 rows of 168 pixels, 0..255.
 */
export function rasterise(strokes, pen) {
  const nearest = new Float64Array(WIDTH * HEIGHT).fill(Infinity);
  const reach = (pen.width + pen.softness) / 2;
  for (const stroke of strokes) {
    for (let i = 0; i < stroke.length; i++) {
      markSegment(nearest, stroke[Math.max(0, i - 1)], stroke[i], reach);
    }
  }
  return Uint8Array.from(nearest, (distance) => {
    const ink = (reach - distance) / pen.softness;
    return Math.round(255 * Math.min(1, Math.max(0, ink)));
  });
}

/** Lowers `nearest` to the distance from each pixel's centre to a segment. */
function markSegment(nearest, a, b, reach) {
  const top = Math.max(0, Math.floor(Math.min(a.y, b.y) - reach));
  const bottom = Math.min(HEIGHT - 1, Math.ceil(Math.max(a.y, b.y) + reach));
  const left = Math.max(0, Math.floor(Math.min(a.x, b.x) - reach));
  const right = Math.min(WIDTH - 1, Math.ceil(Math.max(a.x, b.x) + reach));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const distance = distanceTo(a, b, column + 0.5, row + 0.5);
      const pixel = row * WIDTH + column;
      nearest[pixel] = Math.min(nearest[pixel], distance);
    }
  }
}

function distanceTo(a, b, x, y) {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length = dx * dx + dy * dy;
  const along = length ? ((x - a.x) * dx + (y - a.y) * dy) / length : 0;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(x - a.x - share * dx, y - a.y - share * dy);
}
