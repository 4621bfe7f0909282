// Puts the page's parts together.

import { prepare, showAnswer, showNothing } from "./answer.js";
import { groupDigits } from "./digits.js";
import { Drawing } from "./drawing.js";
import { FileError, listenToFiles, readPicture } from "./files.js";
import { listenToKeys } from "./keyboard.js";
import { askAboutFile, askAboutPixels, canvasOf } from "./model.js";
import { listenToPointer, showPixels, showStrokes } from "./pad.js";
import { keepReading } from "./reader.js";
import { render } from "./render.js";
import { exampleDigits, typedDigit } from "./typed.js";

const $ = (id) => document.getElementById(id);
const drawing = new Drawing(changed);

/** Which drawing was asked about last: its `generation`. */
let asked = null;
const read = keepReading(
  () => {
    const { version, generation, picture, strokes } = drawing;
    asked = generation;
    if (picture) return { version, ask: () => askAboutFile(picture.base64) };
    return { version, ask: () => askAboutPixels(pixelsOf(strokes, version)) };
  },
  {
    answer(prediction, version) {
      notice("down", null);
      // After Clear or for a new drawing the answer is stale; with a few
      // strokes more it is still nearly right.
      if (drawing.isEmpty || drawing.picture?.isBlank) showNothing();
      else if (asked === drawing.generation) showAnswer(prediction, numDigits());
      $("answer").dataset.version = version;
    },
    fail(error) {
      notice("down", `The model does not answer; trying again. (${error.message})`);
      showNothing();
    },
    refuse(error, version) {
      notice("down", null);
      showNothing();
      if (version === drawing.version) notice("refused", whyRefused(error));
    },
  },
);

function whyRefused(error) {
  if (error.isOfBackend) return `The model does not answer. (${error.message})`;
  const { picture } = drawing;
  return picture ? `${picture.name} cannot be read as a picture.` : error.message;
}

/** As far as the strokes tell: touching ones may be one digit or several. */
function numDigits() {
  if (drawing.picture) return { least: 4, most: 4 };
  const { strokes } = drawing;
  return { least: groupDigits(strokes).length, most: strokes.length };
}

function changed() {
  const { picture, isEmpty, version } = drawing;
  $("pad").dataset.version = version;
  notice("refused", null);
  showPicture(picture);
  $("invitation").hidden = !isEmpty;
  $("undo").disabled = $("clear").disabled = isEmpty;
  $("seen-section").hidden = picture !== null;
  if (isEmpty) showNothing();
  if (picture) {
    showNothing("Reading…");
    showSeen(picture);
  }
  read();
  showDrawing();
}

/** The image of the newest drawing, made once. */
let rendered = {};
function pixelsOf(strokes, version) {
  if (rendered.version !== version) rendered = { version, pixels: render(strokes) };
  return rendered.pixels;
}

/** Draws the strokes on the next animation frame; pointer events are faster. */
let frame = null;
function showDrawing() {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    const { strokes, version, picture } = drawing;
    showStrokes($("ink"), strokes);
    if (!picture) showPixels($("seen"), pixelsOf(strokes, version));
  });
}

/** Shows a picture as the model sees it, straightened out and scaled. */
async function showSeen(picture) {
  const pixels = await canvasOf(picture.file);
  if (!pixels || drawing.picture !== picture) return;
  showPixels($("seen"), pixels);
  $("seen-section").hidden = false;
  // A model reads four digits in anything.
  picture.isBlank = pixels.every((pixel) => pixel === 0);
  if (!picture.isBlank) return;
  showNothing();
  notice("refused", `There is no ink in ${picture.name}.`);
}

function showPicture(picture) {
  const image = $("picture");
  if (image.src && image.src !== picture?.url) {
    URL.revokeObjectURL(image.src);
    image.removeAttribute("src");
  }
  image.hidden = !picture;
  if (picture) {
    image.src = picture.url;
    image.alt = picture.name;
  }
}

/** Shows a message, one of each kind, or takes it away. */
const notices = new Map();
function notice(kind, text) {
  if (text) notices.set(kind, text);
  else notices.delete(kind);
  const [first = ""] = notices.values();
  // Unchanged text is left alone: a screen reader would say it again.
  if ($("notice").textContent !== first) $("notice").textContent = first;
  $("notice").hidden = !first;
}

/** The number of files opened: the last one counts, however long it is read. */
let opened = 0;
/** @param {File | Promise<File>} file */
async function openFile(file) {
  const number = ++opened;
  try {
    const picture = await readPicture(await file);
    if (number === opened) drawing.show(picture);
    else URL.revokeObjectURL(picture.url);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (number === opened) notice("refused", error.message);
  }
}

function type(digit) {
  const strokes = typedDigit(digit, drawing.strokes);
  if (strokes) drawing.add(strokes);
  else notice("refused", "There is no room for another digit: undo or clear first.");
}

async function fetchFile(path, name) {
  try {
    const blob = await (await fetch(path)).blob();
    return new File([blob], name, { type: blob.type });
  } catch {
    throw new FileError(`${name} cannot be loaded: the server does not answer.`);
  }
}

async function offerPictures() {
  const paths = await (await fetch("examples.json")).json();
  for (const path of paths) {
    const name = decodeURIComponent(path.split("/").at(-1));
    const button = document.createElement("button");
    const image = new Image();
    Object.assign(image, { src: path, alt: name, loading: "lazy" });
    button.type = "button";
    button.append(image);
    button.addEventListener("click", () => {
      openFile(fetchFile(path, name));
      $("pad").scrollIntoView({ block: "nearest" });
    });
    const item = document.createElement("li");
    item.append(button);
    $("pictures").append(item);
  }
  $("pictures-section").hidden = paths.length === 0;
}

prepare();
listenToPointer($("pad"), drawing);
listenToKeys({ type, undo: () => drawing.undo(), clear: () => drawing.clear() });
listenToFiles({ button: $("open"), input: $("file"), onFile: openFile });
$("undo").addEventListener("click", () => drawing.undo());
$("clear").addEventListener("click", () => drawing.clear());
$("example").addEventListener("click", () => {
  drawing.clear();
  exampleDigits().forEach((strokes) => drawing.add(strokes));
});
// Colours and sizes of ink are the screen's.
new ResizeObserver(showDrawing).observe($("pad"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showDrawing);
offerPictures();
changed(); // An empty request: warms the model up, or shows that it is down.
