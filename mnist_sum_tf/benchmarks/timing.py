"""Times functions side by side, and summarises the times."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class TimingBudget:
    """How long to measure.

    Attributes:
        max_rounds: of calls to each function.
        max_seconds: after which no further round begins.
        min_rounds: these are made in any case.
        warming_calls: of each function, before the first round.
    """

    max_rounds: int = 200
    max_seconds: float = 30.0
    min_rounds: int = 5
    warming_calls: int = 2


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One line of a table.

    Attributes:
        group: what is compared within, e.g. `"batch of 1"`.
        name: of what was measured.
        unit: of the three numbers.
        median, lower, upper: the middle half of all rounds lies between
            `lower` and `upper`.
        rounds: how many there were; 0 for what was counted, not measured.
        ratio: to the group's baseline, the median of the rounds' ratios, so
            that whatever else the machine does hits both alike; above 1 is
            faster, or more. `None` where nothing is compared.
    """

    group: str
    name: str
    unit: str
    median: float
    lower: float
    upper: float
    rounds: int
    ratio: float | None = None


def time_side_by_side(
    runs: dict[str, Callable[[], object]],
    budget: TimingBudget,
    pause_seconds: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, np.ndarray]:
    """Calls functions in turn, round after round.

    Each round begins with the next function, so that none always follows the
    same other one.

    Args:
        runs: name -> what to call; it returns when all is done.
        budget: how long.
        pause_seconds: before each call; libraries keep threads spinning for
            some milliseconds, which would slow the next one down.
        clock: in seconds.

    Returns:
        Name -> seconds, float `[rounds]`.
    """
    for run in list(runs.values()) * budget.warming_calls:
        run()
    names, rounds = list(runs), []
    end = clock() + budget.max_seconds
    while len(rounds) < budget.max_rounds:
        if len(rounds) >= budget.min_rounds and clock() >= end:
            break
        first, seconds = len(rounds) % len(names), {}
        for name in names[first:] + names[:first]:
            time.sleep(pause_seconds)
            start = clock()
            runs[name]()
            seconds[name] = clock() - start
        rounds.append([seconds[name] for name in names])
    return dict(zip(names, np.array(rounds).T))


def describe(group: str, name: str, unit: str, values, ratios=None) -> Measurement:
    """Median and quartiles of a value per round."""
    lower, median, upper = np.percentile(values, [25, 50, 75])
    return Measurement(
        group,
        name,
        unit,
        float(median),
        float(lower),
        float(upper),
        len(values),
        None if ratios is None else float(np.median(ratios)),
    )


def counted(group: str, name: str, unit: str, value: float) -> Measurement:
    """A value that is counted, not timed."""
    return Measurement(group, name, unit, value, value, value, rounds=0)


def rates(
    group: str,
    unit: str,
    seconds: dict[str, np.ndarray],
    amounts,
    baseline: str | None = None,
) -> list[Measurement]:
    """Amounts per second.

    Args:
        group, unit: see `Measurement`.
        seconds: see `time_side_by_side`.
        amounts: work done by one call; a number, or name -> number.
        baseline: the name that ratios are to, if any.
    """
    if not isinstance(amounts, dict):
        amounts = dict.fromkeys(seconds, amounts)
    per_second = {name: amounts[name] / s for name, s in seconds.items()}
    base = per_second.get(baseline)
    return [
        describe(group, name, unit, each, None if base is None else each / base)
        for name, each in per_second.items()
    ]


def latencies(
    group: str, seconds: dict[str, np.ndarray], baseline: str
) -> list[Measurement]:
    """Milliseconds per call; a ratio of 2 means half the time."""
    base = seconds[baseline]
    return [
        describe(group, name, "ms", 1000 * each, base / each)
        for name, each in seconds.items()
    ]
