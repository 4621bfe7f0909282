"""Images per second of the real training step, and how long it waits."""

import time

import numpy as np

from mnist_sum_tf.benchmarks.settings import PRECISIONS, Settings
from mnist_sum_tf.benchmarks.timing import (
    Measurement,
    describe,
    rates,
    time_side_by_side,
)
from mnist_sum_tf.benchmarks.trainers import BenchedTrainer, trainer

WAITING_STEPS = 6
SETTLING_STEPS = 2


def measure(settings: Settings) -> list[Measurement]:
    """Repeats steps on one batch, so that nothing is composed meanwhile.

    Ratios are to the same batch size in float32.
    """
    found = []
    for base_channels, batch_sizes in settings.batch_sizes:
        for batch_size in batch_sizes:
            runs = {
                precision: trainer(base_channels, precision, batch_size).take_step
                for precision in PRECISIONS
            }
            found += rates(
                f"{base_channels} base channels, batches of {batch_size}",
                "images/s",
                time_side_by_side(runs, settings.budget),
                batch_size,
                baseline=PRECISIONS[0],
            )
    return found


def measure_waiting(settings: Settings) -> list[Measurement]:
    """The time that data cost a training step, measured in two ways.

    *Blocked*: of a run of the real loop's `next(batches)` and step, the share of
    the time spent in `next`. *With composing*: a step on the real pipeline,
    which composes on the same processors, against one on a single batch.
    """
    found = []
    for base_channels, batch_sizes in settings.batch_sizes:
        for precision in PRECISIONS:
            found += _waiting(
                trainer(base_channels, precision, batch_sizes[-1]),
                f"{base_channels} base channels, {precision}, batches of "
                f"{batch_sizes[-1]}",
                settings,
            )
    return found


def _waiting(bench: BenchedTrainer, group: str, settings) -> list[Measurement]:
    runs = []

    def run():
        runs.append(input_stall_seconds(bench.batches(), bench.take_step))

    def alone():
        for _ in range(WAITING_STEPS):
            bench.take_step()

    seconds = time_side_by_side({"run": run, "alone": alone}, settings.budget)
    rounds = len(seconds["run"])
    blocked, wholes = np.array(runs[-rounds:]).T
    with_composing = wholes / WAITING_STEPS
    single = seconds["alone"] / WAITING_STEPS
    return [
        describe(group, "blocked in next()", "% of a step", 100 * blocked / wholes),
        describe(
            group,
            "step with composing",
            "ms",
            1000 * with_composing,
            single / with_composing,
        ),
        describe(group, "step on one batch", "ms", 1000 * single),
    ]


def input_stall_seconds(
    batches, take_step, clock=time.perf_counter
) -> tuple[float, float]:
    """Seconds in `next(batches)`, and in that and the steps together.

    The first `SETTLING_STEPS` start the pipeline and are not counted.
    """
    for _ in range(SETTLING_STEPS):
        take_step(next(batches))
    blocked, start = 0.0, clock()
    for _ in range(WAITING_STEPS):
        before = clock()
        batch = next(batches)
        blocked += clock() - before
        take_step(batch)
    return blocked, clock() - start
