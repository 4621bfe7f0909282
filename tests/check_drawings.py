"""Draws strings of four digits in a real browser and counts what is read right.

    python tests/check_drawings.py --strings=100
    python tests/check_drawings.py --strings=100 --url=http://localhost:8600

It also times each stroke, from the last movement of the pointer to the answer on
the page. `--pictures=FILE` draws what was misread, as the model saw it.
"""

import argparse
import collections
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from browser import Browser, draw, read_answer
from stroke_paths import NUM_DIGITS, draw_string

MODELS = pathlib.Path(__file__).resolve().parents[1] / "exported_models"
# On the page: when the pointer last moved before each version of the drawing,
# and when that version was answered.
WATCH = """() => {
  window.latencies = [];
  const pad = document.getElementById("pad");
  const answer = document.getElementById("answer");
  const moved = new Map();
  let last;
  document.addEventListener("pointermove", (event) => {
    if (event.buttons) last = event.timeStamp;
  }, true);
  document.addEventListener("pointerup", () => {
    moved.set(Number(pad.dataset.version), last);
    settle();
  }, true);
  const settle = () => {
    for (const [version, time] of moved) {
      if (version > Number(answer.dataset.version)) continue;
      window.latencies.push((answered.get(version) ?? performance.now()) - time);
      moved.delete(version);
    }
  };
  const answered = new Map();
  new MutationObserver(() => {
    answered.set(Number(answer.dataset.version), performance.now());
    settle();
  }).observe(answer, { attributeFilter: ["data-version"] });
}"""


def check_drawings(page, seeds, pictures=None) -> dict:
    """Draws the string of each seed on the page.

    Args:
        page: see `Browser.open`.
        seeds: see `draw_string`.
        pictures: a PNG to write, of the misread strings; none where `None`.

    Returns:
        `digits` and `sums`, the shares right; `milliseconds`, float array, of
        each stroke; `misread`, a counter of (form, digit read).
    """
    right_digits, right_sums, misread, seen = [], [], collections.Counter(), []
    page.evaluate(WATCH)
    for seed in seeds:
        drawing = draw_string(seed)
        draw(page, drawing.strokes)
        digits, total = read_answer(page)
        right_sums.append(total == sum(drawing.digits))
        for i in range(NUM_DIGITS):
            is_right = digits[i] == drawing.digits[i]
            right_digits.append(is_right)
            if not is_right:
                form = f"{drawing.digits[i]} ({drawing.forms[i]})"
                misread[form, digits[i]] += 1
        if pictures and digits != drawing.digits:
            seen.append((_pixels_of(page), drawing.digits, digits))
    milliseconds = np.array(page.evaluate("window.latencies"))
    if seen:
        _draw_misread(seen, pictures)
    return {
        "digits": np.mean(right_digits),
        "sums": np.mean(right_sums),
        "milliseconds": milliseconds,
        "misread": misread,
    }


def _pixels_of(page) -> np.ndarray:
    """What the model saw, uint8 `[40, 168, 1]`."""
    pixels = page.evaluate(
        "() => Array.from(document.getElementById('seen').getContext('2d')"
        ".getImageData(0, 0, 168, 40).data)"
    )
    return np.array(pixels, np.uint8).reshape(40, 168, 4)[..., :1]


def _draw_misread(seen: list, path) -> None:
    from mnist_sum_tf import reports

    canvases, meant, read = zip(*seen)
    captions = [
        f"{' '.join(map(str, m))}   read {' '.join(map(str, r))}"
        for m, r in zip(meant, read)
    ]
    reports.write_contact_sheet(list(canvases), captions, path)


def print_result(result: dict) -> None:
    milliseconds = result["milliseconds"]
    median, late = np.percentile(milliseconds, [50, 95])
    print(f"digits right   {result['digits']:.1%}")
    print(f"sums right     {result['sums']:.1%}")
    print(
        f"stroke to answer, {len(milliseconds)} strokes: "
        f"median {median:.0f} ms, 95 % within {late:.0f} ms"
    )
    for (form, digit), count in result["misread"].most_common(10):
        print(f"   {form} read as {digit}: {count}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strings", type=int, default=100)
    parser.add_argument("--first_seed", type=int, default=0)
    parser.add_argument("--url", help="of a page that is served already")
    parser.add_argument("--model", default=str(MODELS / "mnist_sum"))
    parser.add_argument("--pictures", help="a PNG of the misread strings")
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.strings)
    url = args.url or _serve(args.model)
    with Browser() as browser:
        page = browser.open(url, viewport={"width": 1000, "height": 900})
        print_result(check_drawings(page, seeds, args.pictures))


def _serve(model: str) -> str:
    """The address of a page that is served until this process ends."""
    from mnist_sum_tf.demo import server

    demo = server.start_server(server.DemoConfig(port=0, model=model))
    demo.start_in_thread()
    return demo.url


if __name__ == "__main__":
    main()
