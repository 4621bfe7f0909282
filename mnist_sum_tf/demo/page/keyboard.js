// Keys: digits draw themselves, Backspace undoes, Escape clears.

/**
 * Listens whatever has the focus: a button keeps it after a click, and there is no
 * field on the page to type in. Enter and Space are left to buttons.
 *
 * @param {{type, undo, clear}} actions `type` takes a digit, 0..9.
 */
export function listenToKeys({ type, undo, clear }) {
  document.addEventListener("keydown", (event) => {
    // With Shift it is redo elsewhere, and must not undo.
    const isCommand = event.ctrlKey || event.metaKey;
    const isUndo = isCommand && !event.shiftKey && event.key.toLowerCase() === "z";
    if (isUndo) return done(event, undo);
    if (isCommand || event.altKey) return;
    if (/^[0-9]$/.test(event.key)) done(event, () => type(Number(event.key)));
    if (event.key === "Backspace") done(event, undo);
    if (event.key === "Escape") done(event, clear);
  });
}

function done(event, action) {
  event.preventDefault();
  action();
}
