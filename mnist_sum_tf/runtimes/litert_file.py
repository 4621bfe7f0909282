"""LiteRT files (TensorFlow Lite's), run by its interpreter."""

import os

from mnist_sum_tf.runtimes.packages import import_package


def load(path):
    """Loads a `.tflite` file.

    Returns:
        See `loading.load_file`.
    """
    litert = import_package("ai_edge_litert.interpreter", extra="litert")
    # Read here, since the interpreter's own file errors give no reason.
    with open(path, "rb") as file:
        content = file.read()
    interpreter = litert.Interpreter(
        model_content=content, num_threads=_num_processors()
    )
    run = interpreter.get_signature_runner()

    def read(images):
        # Copied: the interpreter hands out arrays it may write again.
        return {name: array.copy() for name, array in run(images=images).items()}

    return read


def _num_processors() -> int:
    """Number of CPUs that this process may use, where the system says."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
