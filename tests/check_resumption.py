"""Kills a small training again and again; it must end in the very same bits.

    python tests/check_resumption.py --kills=20 --precision=mixed_bfloat16
    python tests/check_resumption.py --kills=3 --own_images

trains a small encoder (with `--own_images` the model that ships, on labelled
PNGs that are augmented) once undisturbed, then once with SIGKILL at
random moments: in a step, an evaluation or a checkpoint, chosen in turn, a
random while after its beginning. Both times by the program and the command that
a person would use. Every tensor of the last checkpoint, the history files and
what TensorBoard shows must be equal. Prints how often it killed, and where.
"""

import argparse
import collections
import os
import pathlib
import random
import runpy
import signal
import sys
import tempfile
import threading

import preloaded

ROOT = pathlib.Path(__file__).resolve().parents[1]
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# Seconds that each takes about, between which the moment of a kill is drawn.
PHASES = {"_take_step": 0.03, "_save": 0.06, "evaluate": 0.3}
NAMES = {"_take_step": "step", "evaluate": "evaluation", "_save": "checkpoint"}


def command(workdir, learned_from, precision: str, total_steps: int) -> list[str]:
    """The training, as flags of `train_encoder.py`."""
    return [
        f"--workdir={workdir}",
        *learned_from,
        f"--precision={precision}",
        f"--total_steps={total_steps}",
        "--global_batch_size=8",
        "--checkpoint_every_steps=4",
        "--evaluate_every_steps=6",
        "--log_every_steps=3",
        "--skip_non_finite=1",
    ]


def composites(folder) -> list[str]:
    """Flags of a small encoder that learns from few digits."""
    write_few_digits(folder / "digits.npz")
    return [
        f"--digits={folder / 'digits.npz'}",
        "--base_channels=2",
        "--preset=speedrun",
        "--stop_at_accuracy=2",
    ]


def own_images(folder) -> list[str]:
    """Flags of the model that ships, going on with a person's own images."""
    shipped = ROOT / "exported_models"
    return [
        f"--images={shipped / 'samples'}",
        f"--initial_model={shipped}/mnist_sum",
        "--augmented",
        "--normalized",
    ]


def write_few_digits(path) -> None:
    """The first digits of the bundled file: 440, 40 and 240."""
    import numpy as np

    with np.load(ROOT / "mnist_sum_tf" / "data" / "mnist.npz") as mnist:
        few = {
            name: mnist[name][: 480 if "train" in name else 240] for name in mnist.files
        }
    np.savez(path, **few)


def train(arguments, phase="", count=0, delay=0.0) -> int:
    """Runs the training in a process of its own; returns its exit status.

    Args:
        arguments: flags of `train_encoder.py`.
        phase: the method of `Trainer` or `Journal` to be killed in; "" kills nowhere.
        count: in which of its calls.
        delay: seconds after the call begins.
    """
    plan = [phase, str(count), str(delay)]
    result = preloaded.run([__file__, "--child", *plan, *arguments], ".", timeout=600)
    if result.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(result.stderr)
    return result.returncode


def be_child(phase: str, count: str, delay: str, *arguments) -> None:
    """Trains, with a timer that kills this process in the phase it is told."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import cli  # noqa: F401, sets how much TensorFlow says, before it is imported

    from mnist_sum_tf.training import journal, loop

    if phase:
        owner = journal.Journal if phase == "evaluate" else loop.Trainer
        original, calls = getattr(owner, phase), []

        def timed(self, *args):
            calls.append(1)
            if len(calls) == int(count):
                kill = (os.getpid(), signal.SIGKILL)
                threading.Timer(float(delay), os.kill, kill).start()
            return original(self, *args)

        setattr(owner, phase, timed)
    sys.argv = ["train_encoder.py", *arguments]
    runpy.run_path(str(ROOT / "scripts" / "train_encoder.py"), run_name="__main__")


def check(kills: int, precision: str, seed: int = 0, learn_from=composites):
    """Trains undisturbed and disturbed, and compares.

    Between two kills about three steps last, so that six steps per kill are
    enough for all of them.

    Returns:
        How often it killed in each phase, and how many tensors it compared.

    Raises:
        AssertionError: if anything differs.
    """
    rng = random.Random(seed)
    total_steps = 12 + 6 * kills
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        flags = learn_from(folder)
        whole, parts = (
            command(folder / name, flags, precision, total_steps)
            for name in ("whole", "parts")
        )
        assert train(whole) == 0
        for number in range(kills):
            phase = list(PHASES)[number % len(PHASES)]
            count = rng.randint(1, 9 if phase == "_take_step" else 2)
            if train(parts, phase, count, rng.uniform(0, PHASES[phase])):
                counts[NAMES[phase]] += 1
        assert train(parts) == 0
        return counts, compare(folder / "whole/encoder", folder / "parts/encoder")


def compare(first: pathlib.Path, second: pathlib.Path) -> int:
    """Compares two stages' last states; returns the number of tensors."""
    tensors, others = last_tensors(first), last_tensors(second)
    assert tensors.keys() == others.keys()
    differing = [name for name in tensors if tensors[name] != others[name]]
    assert not differing, differing
    for name in ("history.json", "history.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert summaries(first) == summaries(second)
    return len(tensors)


def last_tensors(stage_dir) -> dict:
    """Dtype, shape and bytes of each tensor of the newest checkpoint."""
    import numpy as np
    import tensorflow as tf

    from mnist_sum_tf.training.checkpoints import latest_checkpoint

    reader = tf.train.load_checkpoint(latest_checkpoint(stage_dir))
    found = {}
    for name in reader.get_variable_to_shape_map():
        value = np.asarray(reader.get_tensor(name))
        is_text = value.dtype == object
        content = value.item() if is_text else value.tobytes()
        found[name] = (str(value.dtype), value.shape, content)
        if name == OBJECT_GRAPH:
            found[name] = without_names(content)
    return found


def without_names(object_graph: bytes) -> bytes:
    """Takes out names of variables, numbered by what else a process has built."""
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(object_graph)
    for node in graph.nodes:
        for attribute in node.attributes:
            attribute.full_name = ""
    return graph.SerializeToString(deterministic=True)


def summaries(stage_dir) -> list:
    """What TensorBoard shows: (name, step, the value's bytes), sorted."""
    import tensorflow as tf

    found = []
    for file in (pathlib.Path(stage_dir) / "tensorboard").rglob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                content = value.tensor.SerializeToString(deterministic=True)
                found.append((value.tag, event.step, content))
    return sorted(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--own_images", action="store_true")
    given = parser.parse_args()
    counts, tensors = check(
        given.kills,
        given.precision,
        given.seed,
        own_images if given.own_images else composites,
    )
    assert sum(counts.values()) == given.kills, "ended before the last kill"
    where = ", ".join(f"{number} in {name}" for name, number in counts.items())
    print(
        f"{given.precision}: {sum(counts.values())} kills ({where}); {tensors} "
        "tensors, the history and what TensorBoard shows have the same bits"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        be_child(*sys.argv[2:])
    else:
        main()
