"""All sections of the benchmark, one after another."""

import logging
import os
import platform
import time

import keras
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.benchmarks import (
    arithmetic,
    inference,
    memory,
    pipeline,
    tables,
    torch_training,
    training,
)
from mnist_sum_tf.benchmarks.settings import Settings
from mnist_sum_tf.runtimes.packages import PackageMissing
from mnist_sum_tf.training import strategies

# Name -> title and what measures it, in the order in which they run.
SECTIONS = {
    "pipeline": ("Composites through tf.data", pipeline.measure),
    "training": ("Training step; ratio to float32", training.measure),
    "waiting": (
        "Waiting for data; ratio of steps: one batch / composing",
        training.measure_waiting,
    ),
    "twin": ("Training step; ratio to PyTorch", torch_training.measure),
    "inference": (
        "Answers by runtime; ratio to the SavedModel (above 1: faster)",
        inference.measure,
    ),
    "arithmetic": (
        "Arithmetic; ratio: share of the matrix product's rate",
        arithmetic.measure,
    ),
    "memory": ("Peak memory", memory.measure),
}


def run(settings: Settings, names=None, output=None) -> dict:
    """Measures, printing each section's table as it is done.

    Args:
        settings: what, and how long.
        names: of the sections, all by default. Of all, those whose packages are
            not installed are left out with a warning.
        output: path of a JSON file to write; `None` writes none.

    Returns:
        Section -> list of `Measurement`.

    Raises:
        UserError: if there is no such section, a package that a named one needs
            is not installed, the file cannot be written, or there is no model.
    """
    unknown = sorted(set(names or ()) - set(SECTIONS))
    if unknown:
        raise config.UserError(
            f"--sections must be among {', '.join(SECTIONS)}. "
            f"Received: {', '.join(unknown)}"
        )
    strategies.set_up_devices(deterministic=False)
    machine, found = describe_machine(), {}
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    for name, (title, measure) in SECTIONS.items():
        if names and name not in names:
            continue
        try:
            found[name] = measure(settings)
        except PackageMissing as error:
            if names:
                raise
            logging.warning("%s is left out: %s", name, error)
            continue
        print("\n" + tables.format_section(title, found[name]), flush=True)
        if output is not None:
            tables.write_report(output, machine, found)
    return found


def describe_machine() -> dict:
    """What numbers depend on."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "GPUs": len(tf.config.list_physical_devices("GPU")),
        "Python": platform.python_version(),
        "TensorFlow": tf.__version__,
        "Keras": keras.__version__,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":")[1] for line in file if "model name" in line]
        return names[0].strip()
    except (OSError, IndexError):
        return platform.processor() or platform.machine()
