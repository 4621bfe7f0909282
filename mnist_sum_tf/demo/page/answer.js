// Shows what the model read.

const NUM_SUMS = 37;
const TICKS = [0, 6, 12, 18, 24, 30, 36];
const SPEAK_AFTER_MILLISECONDS = 800;

const $ = (id) => document.getElementById(id);
let speaking;

/** Makes the empty bars once. */
export function prepare() {
  for (let sum = 0; sum < NUM_SUMS; sum++) $("sums").append(element("i"));
  for (const tick of TICKS) {
    const label = element("span", String(tick));
    label.style.left = `${((tick + 0.5) / NUM_SUMS) * 100}%`;
    $("axis").append(label);
  }
  showNothing();
}

/**
 * @param {object} prediction of one image.
 * @param {{least: number, most: number}} numDigits that may have been drawn.
 */
export function showAnswer(prediction, numDigits) {
  const { digits, most_likely_sum: sum, sum_probabilities: shares } = prediction;
  $("answer").dataset.state = numDigits.most < 4 ? "unfinished" : "read";
  $("digits").replaceChildren(
    ...digits.map((digit, i) => card(digit, prediction.digit_probabilities[i])),
  );
  $("sum").textContent = sum;
  $("sum-share").textContent = percent(shares[sum]);
  $("remark").textContent = remarkOn(digits, sum, numDigits);
  showBars(shares, sum);
  speak(`I read ${digits.join(" ")}. Sum ${sum}, ${percent(shares[sum])}.`);
}

/** @param {string} remark why there is nothing. */
export function showNothing(remark = "") {
  $("answer").dataset.state = "empty";
  $("digits").replaceChildren(...Array.from({ length: 4 }, () => card(null, [])));
  $("sum").textContent = "–";
  $("sum-share").textContent = "";
  $("remark").textContent = remark;
  showBars(Array(NUM_SUMS).fill(0), null);
  $("sums").setAttribute("aria-label", "No sum yet");
  speak("");
}

/** A digit, how sure it is, and what else it may be. */
function card(digit, shares) {
  const item = element("li");
  item.append(element("b", digit === null ? "–" : String(digit)));
  item.append(element("span", digit === null ? "" : percent(shares[digit])));
  const second = shares.indexOf(Math.max(...shares.filter((_, i) => i !== digit)));
  const isClose = second >= 0 && shares[second] >= 0.01;
  item.append(element("small", isClose ? `or ${second}: ${percent(shares[second])}` : ""));
  return item;
}

function remarkOn(digits, sum, numDigits) {
  if (numDigits.most < 4) return "The model always answers four digits: go on drawing.";
  if (numDigits.least > 4) return "These look like more than four digits.";
  const total = digits.reduce((a, b) => a + b, 0);
  if (total !== sum) return `The likeliest digits add up to ${total}; over all readings, ${sum} is likelier.`;
  return "";
}

function showBars(shares, mostLikely) {
  Array.from($("sums").children).forEach((bar, sum) => {
    bar.style.height = `${100 * shares[sum]}%`;
    bar.title = `${sum}: ${percent(shares[sum])}`;
    bar.classList.toggle("most-likely", sum === mostLikely);
  });
  const likely = shares
    .map((share, sum) => ({ share, sum }))
    .filter(({ share }) => share >= 0.01)
    .sort((a, b) => b.share - a.share)
    .slice(0, 3);
  const words = likely.map(({ share, sum }) => `${sum}: ${percent(share)}`);
  $("sums").setAttribute("aria-label", `Likeliest sums: ${words.join(", ")}`);
}

/** Tells a screen reader, once the hand rests. */
function speak(sentence) {
  clearTimeout(speaking);
  speaking = setTimeout(() => ($("spoken").textContent = sentence), SPEAK_AFTER_MILLISECONDS);
}

/** 0.987 -> "98.7 %"; never "100 %" of what is not certain. */
function percent(share) {
  const value = 100 * share;
  if (value >= 99.95) return "> 99.9 %";
  return value >= 10 && value < 99 ? `${value.toFixed(0)} %` : `${value.toFixed(1)} %`;
}

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
