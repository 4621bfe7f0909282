"""Gives damaged files and flags to everything that reads a person's files.

    python tests/fuzz_readers.py --inputs=2400 --seed=0

Pictures, labelled PNGs, `.npy` pairs, `.npz` digits, checkpoints, settings,
histories and flags are cut, flipped, spliced and filled with extreme numbers.
Each must be read, or refused by a `UserError` of one line, within `MAX_SECONDS`
and `MAX_BYTES` of memory beyond what reading good files took. Prints the counts.
"""

import argparse
import collections
import io
import json
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
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "scripts"))

import logging

import cli
import keras
import numpy as np
import PIL.Image
import tensorflow as tf
from absl import flags

from mnist_sum_tf import config, prediction
from mnist_sum_tf.data import datasets, digits, layouts, picture_files
from mnist_sum_tf.training import (
    checkpoints,
    history,
    optimizers,
    stage_folder,
    strategies,
)

MAX_SECONDS = 20
MAX_BYTES = 1_000_000_000
EXTREMES = (
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff",
    b"\x00\x00\x00\x00", b"-1", b"1e999", b"nan", b"99999999999999999999",
    b"\n", b"[" * 3000, b"\"", b"(", b"{'descr'",
)  # fmt: skip


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


class Pictures:
    """What predict.py reads."""

    def __init__(self, folder):
        self.path = folder / "picture"
        rng = np.random.default_rng(0)
        grey = PIL.Image.fromarray(rng.integers(0, 256, (40, 168), np.uint8))
        colour = PIL.Image.fromarray(
            rng.integers(0, 256, (61, 90, 3), np.uint8)
        )
        self.good = [
            _encoded(grey, "PNG"), _encoded(colour, "PNG"),
            _encoded(colour.convert("RGBA"), "PNG"),
            _encoded(grey.convert("1"), "PNG"), _encoded(colour, "JPEG"),
            _encoded(grey, "JPEG"), _encoded(grey, "GIF"),
            _encoded(colour, "BMP"),
            _encoded(colour, "JPEG", progressive=True),
        ]  # fmt: skip

    def read(self, content):
        self.path.write_bytes(content)
        content = picture_files.read_picture(self.path)
        prediction.canvas_of(str(self.path), content)


def _encoded(image, kind, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


class LabelledPngs(Pictures):
    """What train_encoder.py --images=FOLDER reads."""

    def __init__(self, folder):
        super().__init__(folder)
        self.good = self.good[:1]
        (folder / "pngs").mkdir()
        self.path = folder / "pngs" / "0428.png"

    def read(self, content):
        self.path.write_bytes(content)
        datasets.read_png_folder(str(self.path.parent))


class NpyImages:
    """What --images=....npy --sums=....npy reads, one or the other damaged."""

    name = "images.npy"

    def __init__(self, folder):
        self.folder = folder / type(self).__name__
        self.folder.mkdir()
        rng = np.random.default_rng(0)
        arrays = {
            "images.npy": rng.integers(0, 256, (5, 40, 168), np.uint8),
            "sums.npy": np.arange(5),
        }
        for name, array in arrays.items():
            np.save(self.folder / name, array)
        self.good = [(self.folder / self.name).read_bytes()]
        if self.name == "images.npy":
            np.save(folder / "float.npy", arrays["images.npy"] / 255.0)
            self.good.append((folder / "float.npy").read_bytes())

    def read(self, content):
        (self.folder / self.name).write_bytes(content)
        datasets.read_npy_pair(
            str(self.folder / "images.npy"), str(self.folder / "sums.npy")
        )


class NpySums(NpyImages):
    name = "sums.npy"


class NpzDigits:
    """What --digits=....npz reads."""

    def __init__(self, folder):
        self.path = folder / "digits.npz"
        arrays = {
            "x_train": np.full((48, 28, 28), 7, np.uint8),
            "y_train": np.arange(48) % 10,
            "x_test": np.full((4, 28, 28), 7, np.uint8),
            "y_test": np.arange(4),
        }
        self.good = []
        for save in (np.savez, np.savez_compressed):
            save(self.path, **arrays)
            self.good.append(self.path.read_bytes())

    def read(self, content):
        self.path.write_bytes(content)
        digits.load_digits(str(self.path))


class Checkpoint:
    """What evaluation, export and the next stage read."""

    files = ("ckpt-2.index", "ckpt-2.data-00000-of-00001", "checkpoint")

    def __init__(self, folder):
        self.folder = folder / "stage"
        inputs = keras.Input((3,))
        outputs = keras.layers.Dense(2)(inputs)
        self.model = keras.Model(inputs, outputs, name="line")
        state = tf.train.Checkpoint(average=self.model)
        keeper = checkpoints.CheckpointFolder(state, self.folder, {})
        self.folder.mkdir()
        keeper.save(2)
        self.kept = {
            name: (self.folder / "checkpoints" / name).read_bytes()
            for name in self.files
        }
        self.good = [name.encode() + b"|" + text for name, text in self.kept.items()]
        self.weights = self.model.get_weights()

    def read(self, content):
        name, _, content = content.partition(b"|")
        for each, text in self.kept.items():
            (self.folder / "checkpoints" / each).write_bytes(text)
        # A damaged name stands for a file that is gone.
        file = self.files[0]
        for each in self.files:
            file = each if name == each.encode() else file
        (self.folder / "checkpoints" / file).write_bytes(content)
        checkpoints.load_average(self.model, self.folder)
        for first, second in zip(self.weights, self.model.get_weights()):
            np.testing.assert_array_equal(first, second)


class Settings:
    """`config.json` of a stage, which a run that goes on compares with."""

    settings = {"seed": 0, "model": {"base_channels": 16}}

    def __init__(self, folder):
        self.folder = folder
        self.good = [json.dumps(self.settings).encode()]

    def read(self, content):
        (self.folder / stage_folder.CONFIG_FILE).write_bytes(content)
        stage_folder.claim_directory(self.folder, self.settings)


class Rows:
    """`history.json` of a stage, which a run that goes on adds to."""

    def __init__(self, folder):
        self.folder = folder
        self.good = [b'[{"step": 10, "loss": 2.5}, {"step": 20, "loss": 1}]']

    def read(self, content):
        (self.folder / "history.json").write_bytes(content)
        found = history.History(self.folder, 15)
        found.add({"step": 15, "loss": 1.0})
        found.save()


class Flags:
    """The command line of the training scripts."""

    def __init__(self, folder):
        import training_flags

        training_flags.define_image_flags()
        self.settings = training_flags.settings
        self.good = [
            b"--workdir=W\n--total_steps=5\n--seed=3\n--learning_rate=0.001",
            b"--workdir=W\n--global_batch_size=8\n--precision=float32\n"
            b"--checkpoint_every_steps=3\n--base_channels=4\n--preset=compact",
            b"--workdir=W\n--strategy=one_device\n--skip_non_finite=2\n"
            b"--layout=tiled\n--nodeterministic\n--log_every_steps=7",
            b"--workdir=W\n--block_channels=3,1,4,1,5\n--dropout_rate=0.25\n"
            b"--initial_model=M\n--hard_share=0.25\n--wear_share=0.5",
        ]

    def read(self, content):
        arguments = content.decode("utf-8", "surrogateescape").split("\n")
        for name in flags.FLAGS:
            flags.FLAGS[name].unparse()
        cli.check_flag_names(arguments)
        try:
            flags.FLAGS(["train_encoder.py", *arguments])
        except flags.Error as error:  # absl prints it and exits with status 1
            raise config.UserError(str(error).replace("\n", " ")) from error
        settings = self.settings("encoder")
        strategies.check_batch_size(settings.global_batch_size, 1)
        strategies.resolve_precision(settings.precision)
        layouts.get_layout(settings.data.layout)
        optimizers.create_optimizer(settings)
        keras.utils.set_random_seed(settings.seed)
        tf.constant([settings.seed, settings.total_steps], tf.int64)


READERS = (
    Pictures, LabelledPngs, NpyImages, NpySums, NpzDigits, Checkpoint, Settings,
    Rows, Flags,
)  # fmt: skip


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
    except config.UserError as error:
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
