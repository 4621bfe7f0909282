"""What a benchmark measures, and how long."""

import dataclasses
import pathlib

from mnist_sum_tf.benchmarks.timing import TimingBudget
from mnist_sum_tf.config import LAYOUTS

PRECISIONS = ("float32", "mixed_bfloat16")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that a section may want to know.

    Attributes:
        model_path: an exported model, whose weights inference is measured with.
        layouts: layouts of the composites.
        batch_sizes: of training, by the encoder's base channels.
        compared_batch_size: those of the comparison with PyTorch, likewise.
        matrix_size: rows and columns of the matrices whose product tells the
            processor's peak.
        composites: how many are made while memory is measured.
        budget: how long to measure each group of a table.
    """

    model_path: pathlib.Path
    layouts: tuple[str, ...] = LAYOUTS
    batch_sizes: tuple[tuple[int, tuple[int, ...]], ...] = (
        (16, (32, 128)),
        (64, (16, 32)),
    )
    compared_batch_size: tuple[tuple[int, int], ...] = (
        (16, 128),
        (64, 32),
        (64, 128),
    )
    matrix_size: int = 4096
    composites: int = 200_000
    budget: TimingBudget = TimingBudget()


def full(model_path) -> Settings:
    """Some twenty minutes on two cores."""
    return Settings(pathlib.Path(model_path))


def quick(model_path) -> Settings:
    """Some two minutes: few rounds, the compact encoder alone."""
    return Settings(
        pathlib.Path(model_path),
        batch_sizes=((16, (32,)),),
        compared_batch_size=((16, 32),),
        matrix_size=2048,
        composites=20_000,
        budget=TimingBudget(
            max_rounds=50, max_seconds=1.5, min_rounds=3, warming_calls=1
        ),
    )
