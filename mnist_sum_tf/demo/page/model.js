// Asks the model, in TensorFlow Serving's REST form.

import { HEIGHT, WIDTH } from "./rasterise.js";

const ADDRESS = "v1/models/mnist_sum:predict";
const TIMEOUT_MILLISECONDS = 12000;
// The backend will not answer this page's server, whatever it asks.
const PERMANENT = 502;

/**
 * The model gave no answer. `isTemporary`: the same question may be answered later.
 * `isOfBackend`: it is no fault of the question.
 */
export class ModelError extends Error {
  /** @param {number | null} status of the response; `null` where there is none. */
  constructor(message, status = null) {
    super(message);
    this.isOfBackend = status === null || status >= 500 || status === 404 || status === 429;
    this.isTemporary = this.isOfBackend && status !== PERMANENT;
  }
}

/** @param {Uint8Array} pixels 40 rows of 168. */
export function askAboutPixels(pixels) {
  const rows = Array.from({ length: HEIGHT }, (_, row) =>
    Array.from(pixels.subarray(row * WIDTH, (row + 1) * WIDTH), (value) => [value]),
  );
  return ask("serving_default", rows);
}

/** @param {string} base64 a PNG, JPEG, GIF or BMP file. */
export function askAboutFile(base64) {
  return ask("serving_bytes", { b64: base64 });
}

/**
 * The image that the model is given of a picture: 40 rows of 168 pixels.
 *
 * @param {Blob} file
 * @returns {Promise<Uint8Array | null>} `null` where the server makes none of it.
 */
export async function canvasOf(file) {
  try {
    const response = await fetch("canvas", { method: "POST", body: file });
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
  } catch {
    return null; // Whether anybody answers is told where the model is asked.
  }
}

async function ask(signature, instance) {
  let response;
  let answer;
  try {
    response = await fetch(ADDRESS, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ signature_name: signature, instances: [instance] }),
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    answer = await response.json();
  } catch (error) {
    const isLate = error.name === "TimeoutError";
    const reason = isLate ? "it took too long" : "nobody answers at this address";
    throw new ModelError(reason);
  }
  if (response.ok) return answer.predictions[0];
  const { status } = response;
  throw new ModelError(answer.error ?? `status ${status}`, status);
}
