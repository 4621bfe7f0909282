"""All sections of the benchmark, one after another."""

import logging
import os
import platform
import time

import keras
import tensorflow as tf

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
from mnist_sum_tf.runtimes.saved_model import find_saved_model
from mnist_sum_tf.training import strategies
from mnist_sum_tf.user_errors import UserError

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
# Sections that compare with programs that compute on the CPU.
ON_PROCESSOR = ("twin", "inference")


class NotComparable(UserError):
    """Raised where a fair comparison is not possible."""


def run(settings: Settings, names=None, output=None) -> dict:
    """Measures, printing each section's table as it is done.

    Args:
        settings: what, and how long.
        names: of the sections, all by default. Of all, those whose packages are
            not installed are left out with a warning; so are, where a GPU is seen,
            those that compare what computes on the processor.
        output: path of a JSON file to write; `None` writes none.

    Returns:
        Section -> list of `Measurement`.

    Raises:
        UserError: if there is no such section, a named one cannot be measured here,
            the file cannot be written, or there is no model.
    """
    chosen = _chosen_sections(names)
    strategies.set_up_devices(deterministic=False)
    if "inference" in chosen:
        find_saved_model(settings.model_path)  # minutes before it is read
    if output is not None:
        tables.check_writable(output)
    machine, found = describe_machine(), {}
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    for name in chosen:
        title, measure = SECTIONS[name]
        try:
            _check_processor(name, machine["GPUs"])
            found[name] = measure(settings)
        except (PackageMissing, NotComparable) as error:
            if names:
                raise
            logging.warning("%s is left out: %s", name, error)
            continue
        print("\n" + tables.format_section(title, found[name]), flush=True)
        if output is not None:
            tables.write_report(output, machine, found)
    return found


def _chosen_sections(names) -> list[str]:
    """In the order in which they run; all where none is named."""
    unknown = sorted(set(names or ()) - set(SECTIONS))
    if unknown:
        raise UserError(
            f"--sections must be among {', '.join(SECTIONS)}. "
            f"Received: {', '.join(unknown) or repr('')}"
        )
    return [name for name in SECTIONS if name in (names or SECTIONS)]


def _check_processor(name: str, num_gpus: int) -> None:
    """Raises `NotComparable` where one side of a comparison would have a GPU."""
    if num_gpus and name in ON_PROCESSOR:
        raise NotComparable(
            f"The section {name} compares on the processor; CUDA_VISIBLE_DEVICES=-1 "
            f"hides GPUs. Received: {num_gpus} GPUs"
        )


def describe_machine() -> dict:
    """The machine and the versions that results depend on."""
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
