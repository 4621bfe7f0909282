"""Peaks of memory are those of the process that is asked."""

import concurrent.futures
import multiprocessing

import numpy as np
import pytest

from mnist_sum_tf.benchmarks import memory


def test_a_process_has_a_peak_of_its_own():
    held = np.ones(2**26)  # 512 MiB
    assert memory.peak_mebibytes() > 512
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        peak = pool.submit(memory.peak_mebibytes).result()
    assert 5 < peak < memory.peak_mebibytes() - held.nbytes / 2**20


@pytest.mark.parametrize("status", ["VmPeak: 9 kB\nVmHWM:\t   3072 kB\n", "", None])
def test_the_peak_is_read_where_the_system_tells(status, tmp_path, monkeypatch):
    path = tmp_path / "status"
    if status is not None:
        path.write_text(status)
    monkeypatch.setattr(memory, "_STATUS", path)
    if status:
        assert memory.peak_mebibytes() == 3
    else:
        assert memory.peak_mebibytes() > 20  # Python and NumPy
