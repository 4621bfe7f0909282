"""How fast an exported model answers, in every runtime that is installed."""

import functools
import tempfile

from mnist_sum_tf.benchmarks.contenders import SAVED_MODEL, load_contenders
from mnist_sum_tf.benchmarks.settings import Settings
from mnist_sum_tf.benchmarks.timing import (
    Measurement,
    latencies,
    rates,
    time_side_by_side,
)
from mnist_sum_tf.data.composites import composite_batch
from mnist_sum_tf.data.digits import load_digits

BATCH_SIZE = 64
PAUSE_SECONDS = 0.005


def measure(settings: Settings) -> list[Measurement]:
    """Latency of single images, throughput of 64; ratios to the SavedModel."""
    digits = load_digits(split="validation")
    images = composite_batch(digits.images, digits.labels, "mixed", 0, 0, BATCH_SIZE)[
        0
    ].numpy()
    with tempfile.TemporaryDirectory() as folder:
        readers = load_contenders(settings.model_path, folder)
        single, many = (
            time_side_by_side(
                {
                    name: functools.partial(reader, some)
                    for name, reader in readers.items()
                },
                settings.budget,
                PAUSE_SECONDS,
            )
            for some in (images[:1], images)
        )
    return latencies("single images", single, SAVED_MODEL) + rates(
        f"batches of {BATCH_SIZE}", "images/s", many, BATCH_SIZE, SAVED_MODEL
    )
