"""Peak memory, each number by a process of its own."""

import concurrent.futures
import multiprocessing
import pathlib
import re
import sys

from mnist_sum_tf import quiet
from mnist_sum_tf.benchmarks.settings import Settings
from mnist_sum_tf.benchmarks.timing import Measurement, counted

BATCH_SIZE = 128
TRAINING_STEPS = 10
_STATUS = pathlib.Path("/proc/self/status")


def measure(settings: Settings) -> list[Measurement]:
    """Memory of TensorFlow alone, of composing few and many images, of training."""
    few, many = settings.composites // 10, settings.composites
    context = multiprocessing.get_context("spawn")
    # Each task has its own process, so that no other task raises its peak.
    with concurrent.futures.ProcessPoolExecutor(
        2, context, max_tasks_per_child=1
    ) as pool:
        composing = pool.submit(peaks_of_composing, few, many)
        training = [
            pool.submit(peak_of_training, *size)
            for size in settings.compared_batch_size
        ]
        base, first, last = composing.result()
        peaks = [peak.result() for peak in training]
    growth = (last - first) / (many - few) * 1e6
    found = [
        counted("composing `mixed`", "before the first", "MiB", base),
        counted("composing `mixed`", f"after {few:,}", "MiB", first),
        counted("composing `mixed`", f"after {many:,}", "MiB", last),
        counted("composing `mixed`", "growth", "MiB per million", growth),
    ]
    for (base_channels, batch_size), peak in zip(settings.compared_batch_size, peaks):
        name = f"{base_channels} base channels, batches of {batch_size}"
        found.append(counted("training in float32", name, "MiB", peak))
    return found


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
    """This process's peak resident memory so far, in MiB."""
    status = _STATUS.read_text() if _STATUS.exists() else ""
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    if found:  # On Linux `getrusage` counts what the parent held, too.
        return int(found[1]) / 2**10
    import resource  # Not on Windows.

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
