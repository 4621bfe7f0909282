"""Composites per second through tf.data, by layout."""

import time

import numpy as np

from mnist_sum_tf.benchmarks.settings import Settings
from mnist_sum_tf.benchmarks.timing import Measurement, rates, time_side_by_side
from mnist_sum_tf.data import datasets
from mnist_sum_tf.data.digits import load_digits

BATCH_SIZE = 128
BATCHES = 40
# Prefetched batches, which are taken before the clock starts.
SETTLING_BATCHES = 10


def measure(settings: Settings) -> list[Measurement]:
    """Takes batches as fast as they come, with nothing else to do.

    A pipeline prefetches, and would do so while another layout is measured:
    each round makes its own.
    """
    digits = load_digits()
    kept = {layout: [] for layout in settings.layouts}

    def take(layout):
        dataset = datasets.composites_dataset(digits, layout, 0, BATCH_SIZE)
        kept[layout].append(seconds_of_batches(dataset))

    runs = {layout: lambda layout=layout: take(layout) for layout in kept}
    calls = time_side_by_side(runs, settings.budget)
    seconds = {layout: np.array(kept[layout][-len(calls[layout]) :]) for layout in kept}
    amount = BATCH_SIZE * BATCHES
    return rates(f"batches of {BATCH_SIZE}", "images/s", seconds, amount)


def seconds_of_batches(dataset, clock=time.perf_counter) -> float:
    """The time that `BATCHES` take once the pipeline runs evenly."""
    batches = iter(dataset.take(SETTLING_BATCHES + BATCHES))
    for _ in range(SETTLING_BATCHES):
        next(batches)
    start = clock()
    for _ in batches:
        pass
    return clock() - start
