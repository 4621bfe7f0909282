"""Runs scripts without waiting for TensorFlow each time: one process imports it,
and each script runs in a fork of that one."""

import functools
import gc
import multiprocessing
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile

IMPORTED_ONCE = [
    "mnist_sum_tf.training.stages",
    "mnist_sum_tf.evaluation",
    "mnist_sum_tf.prediction",
    "mnist_sum_tf.serving.release",
]


@functools.cache
def _context():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED_ONCE)
    return context


def run(command: list[str], cwd, timeout: float) -> subprocess.CompletedProcess:
    """What `subprocess.run` returns for a Python script, its output as text.

    Args:
        command: the script's path, relative to `cwd` or not, and its arguments.
        cwd: folder to run it in.
        timeout: seconds, after which it is killed and `TimeoutError` raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        outputs = [pathlib.Path(folder) / name for name in ("out", "err")]
        process = _context().Process(target=_be, args=(command, cwd, outputs))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"{timeout} s were too few for {command}")
        texts = (path.read_text(errors="replace") for path in outputs)
        return subprocess.CompletedProcess(command, process.exitcode, *texts)


def _be(command: list[str], cwd, outputs) -> None:
    """Turns this process into that of the script."""
    gc.freeze()  # as `quiet.import_tensorflow` does
    os.environ.pop("TF_NUM_INTRAOP_THREADS", None)  # It runs as where nobody tests.
    os.chdir(cwd)
    for number, path in enumerate(outputs, start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.argv = [str(word) for word in command]
    sys.path.insert(0, str(pathlib.Path(command[0]).parent.absolute()))
    runpy.run_path(command[0], run_name="__main__")
