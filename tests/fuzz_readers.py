"""Gives damaged files and flags to everything that reads a person's files.

    python tests/fuzz_readers.py --inputs=2400 --seed=0

Pictures, labelled PNGs, `.npy` pairs, `.npz` digits, checkpoints, settings,
histories and flags are cut, flipped, spliced and filled with extreme numbers.
Each must be read, or refused by a `UserError` of one line, within `MAX_SECONDS`
and `MAX_BYTES` of memory beyond what reading good files took. Prints the counts.
"""

import argparse
import collections
import logging
import os
import pathlib
import random
import resource
import shutil
import signal
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from fuzzed_files import LabelledPngs, NpyImages, NpySums, NpzDigits, Pictures
from fuzzed_trainings import Checkpoint, Flags, Rows, Settings

from mnist_sum_tf.user_errors import UserError

MAX_SECONDS = 20
MAX_BYTES = 1_000_000_000
EXTREMES = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"-1",
    b"1e999",
    b"nan",
    b"99999999999999999999",
    b"\n",
    b"[" * 3000,
    b'"',
    b"(",
    b"{'descr'",
)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Damages some bytes in one of five ways, up to four times."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        # The beginnings of files hold what the rest depends on.
        limit = len(content) if rng.random() < 0.5 else min(len(content), 128)
        place = rng.randrange(limit + 1)
        way = rng.randrange(5)
        if way == 0 and place < len(content):
            content[place] ^= 1 << rng.randrange(8)
        elif way == 1:
            del content[place:]
        elif way == 2:
            content[place:place] = rng.choice(EXTREMES)
        elif way == 3:
            extreme = rng.choice(EXTREMES)
            content[place : place + len(extreme)] = extreme
        else:
            other = rng.randrange(len(content) + 1)
            content[place:place] = content[other : other + rng.randrange(64)]
    return bytes(content)


READERS = (
    Pictures,
    LabelledPngs,
    NpyImages,
    NpySums,
    NpzDigits,
    Checkpoint,
    Settings,
    Rows,
    Flags,
)


def fuzz(num_inputs: int, seed: int):
    """Gives the readers damaged inputs in turn.

    Returns:
        Counts by (reader, what became of it), failures as (reader, content,
        what happened), and the bytes of memory taken beyond that of the start.
    """
    rng = random.Random(seed)
    counts, failures = collections.Counter(), []
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # not each fallback's warning
    folder = pathlib.Path(tempfile.mkdtemp())
    signal.signal(signal.SIGALRM, _too_slow)
    try:
        readers = [reader(folder) for reader in READERS]
        for reader in readers:
            for content in reader.good:
                reader.read(content)
        before = _memory()
        for number in range(num_inputs):
            reader = readers[number % len(readers)]
            content = mutate(rng.choice(reader.good), rng)
            name = type(reader).__name__
            outcome = _outcome(reader, content)
            counts[name, outcome if outcome in ("read", "refused") else "failed"] += 1
            if outcome not in ("read", "refused"):
                failures.append((name, content, outcome))
        return counts, failures, _memory() - before
    finally:
        logging.getLogger().setLevel(level)
        shutil.rmtree(folder)


def _outcome(reader, content: bytes) -> str:
    signal.alarm(MAX_SECONDS)
    try:
        reader.read(content)
        return "read"
    except UserError as error:
        is_line = len(str(error).splitlines()) == 1
        return "refused" if is_line else f"not one line: {error}"
    except Exception as error:  # the traceback that nobody shall see
        return repr(error)
    finally:
        signal.alarm(0)


def _too_slow(number, frame):
    raise TimeoutError(f"more than {MAX_SECONDS} s")


def _memory() -> int:
    """The most that this process ever held, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts, failures, memory = fuzz(given.inputs, given.seed)
    for (name, outcome), number in sorted(counts.items()):
        print(f"{name:14} {outcome:8} {number:5}")
    for name, content, outcome in failures:
        print(f"{name}: {outcome[:300]}\n    {content[:80]!r}")
    print(
        f"{given.inputs} inputs, {len(failures)} failures, at most "
        f"{memory / 1e6:.0f} MB of memory more"
    )
    sys.exit(bool(failures) or memory > MAX_BYTES)


if __name__ == "__main__":
    main()
