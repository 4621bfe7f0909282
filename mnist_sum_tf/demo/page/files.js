// A picture from a file, a drop or the clipboard.

const TYPES = ["image/png", "image/jpeg", "image/gif", "image/bmp"];
const LARGEST_BYTES = 10_000_000;

/** A file that the model cannot take; its message is shown to the user. */
export class FileError extends Error {}

/**
 * @param {Blob} file
 * @returns {Promise<{base64: string, file: Blob, url: string, name: string}>}
 * @throws {FileError}
 */
export async function readPicture(file) {
  const name = file.name ?? "picture";
  if (!TYPES.includes(file.type)) {
    throw new FileError(`${name} is no PNG, JPEG, GIF or BMP picture.`);
  }
  if (file.size > LARGEST_BYTES) {
    const megabytes = (file.size / 1e6).toFixed(1);
    throw new FileError(`${name} has ${megabytes} MB; up to 10 MB can be read.`);
  }
  if (file.size === 0) throw new FileError(`${name} is empty.`);
  return { base64: await inBase64(file, name), file, url: URL.createObjectURL(file), name };
}

function inBase64(file, name) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new FileError(`${name} could not be read.`));
    reader.readAsDataURL(file);
  });
}

/** Calls `onFile` with each file that is chosen, dropped or pasted. */
export function listenToFiles({ button, input, onFile }) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) onFile(input.files[0]);
    input.value = ""; // So that the same file can be chosen again.
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  for (const end of ["dragleave", "drop"]) {
    document.addEventListener(end, () => document.body.classList.remove("dragging"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault(); // Else the browser opens it in place of the page.
    const [file] = event.dataTransfer.files;
    if (file) onFile(file);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file) onFile(file);
  });
}
