"""Peak memory, each number by a process of its own."""

import concurrent.futures
import multiprocessing
import sys

from mnist_sum_tf import quiet
from mnist_sum_tf.benchmarks.settings import Settings
from mnist_sum_tf.benchmarks.timing import Measurement, counted

BATCH_SIZE = 128
TRAINING_STEPS = 10


def measure(settings: Settings) -> list[Measurement]:
    """TensorFlow alone, composing some and ten times as many, training."""
    few, many = settings.composites // 10, settings.composites
    base, first, last = _in_a_process(peaks_of_composing, few, many)
    growth = (last - first) / (many - few) * 1e6
    found = [
        counted("composing `mixed`", "before the first", "MiB", base),
        counted("composing `mixed`", f"after {few:,}", "MiB", first),
        counted("composing `mixed`", f"after {many:,}", "MiB", last),
        counted("composing `mixed`", "growth", "MiB per million", growth),
    ]
    for base_channels, batch_size in settings.compared_batch_size:
        peak = _in_a_process(peak_of_training, base_channels, batch_size)
        name = f"{base_channels} base channels, batches of {batch_size}"
        found.append(counted("training in float32", name, "MiB", peak))
    return found


def _in_a_process(function, *arguments):
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        return pool.submit(function, *arguments).result()


def peaks_of_composing(few: int, many: int) -> tuple[float, float, float]:
    """Peaks in MiB: with the digits loaded, after few and after many images."""
    quiet.import_tensorflow()
    from mnist_sum_tf.data import datasets
    from mnist_sum_tf.data.digits import load_digits

    digits = load_digits()
    peaks = [peak_mebibytes()]
    batches = iter(datasets.composites_dataset(digits, "mixed", 0, BATCH_SIZE))
    done = 0
    for count in (few, many):
        while done < count:
            next(batches)
            done += BATCH_SIZE
        peaks.append(peak_mebibytes())
    return tuple(peaks)


def peak_of_training(base_channels: int, batch_size: int) -> float:
    """The peak in MiB over some steps on the real pipeline."""
    quiet.import_tensorflow()
    from mnist_sum_tf.benchmarks.trainers import trainer

    bench = trainer(base_channels, "float32", batch_size)
    batches = bench.batches()
    for _ in range(TRAINING_STEPS):
        bench.take_step(next(batches))
    return peak_mebibytes()


def peak_mebibytes() -> float:
    """The most that this process has held so far."""
    import resource  # Not on Windows.

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
