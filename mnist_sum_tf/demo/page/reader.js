// Keeps the answer in step with the drawing: one request at a time, newest next.

const PAUSE_MILLISECONDS = 1000;

/**
 * @param {() => {version: number, ask: () => Promise}} question of the moment.
 * @param {{answer, fail, refuse}} show `answer(prediction, version)`;
 *     `fail(error)` where it is asked again; `refuse(error, version)` where it is not.
 * @returns {() => void} to call when there is a new question.
 */
export function keepReading(question, show) {
  let isAsking = false;
  let answered = null;

  async function next() {
    if (isAsking) return;
    const { version, ask } = question();
    if (version === answered) return;
    isAsking = true;
    try {
      show.answer(await ask(), version);
      answered = version;
    } catch (error) {
      if (error.isTemporary) {
        show.fail(error);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
      } else {
        show.refuse(error, version);
        answered = version;
      }
    }
    isAsking = false;
    next();
  }
  return next;
}
