"""Several devices and several machines learn what one device learns."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import many_devices
import numpy as np
import tensorflow as tf

from mnist_sum_tf.models.sum_distribution import build_sum_distribution
from mnist_sum_tf.training import history, losses

PROGRAM = pathlib.Path(__file__).with_name("many_devices.py")


def start(*arguments, **environment) -> subprocess.Popen:
    environment = os.environ | environment
    environment.pop("TF_NUM_INTRAOP_THREADS", None)  # as where nobody tests
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def answer(process: subprocess.Popen) -> dict:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


def test_replicas_see_what_one_device_sees(tmp_path):
    count = 2
    found = answer(start("mirrored", tmp_path, count))
    one, all_devices = found["losses"]
    np.testing.assert_allclose(all_devices, one, rtol=1e-4)
    one, all_devices = found["statistics"]
    assert len(one) == 8  # four means, four variances
    np.testing.assert_allclose(all_devices, one, rtol=1e-4, atol=1e-5)
    one, all_devices = found["momenta"]  # Adam's steps hide a gradient's scale.
    np.testing.assert_allclose(all_devices, one, rtol=1e-3, atol=1e-5)
    assert found["starts_alike"]
    masks = found["masks"]
    assert found["replicas"] == count
    # Every replica draws a mask of its own in each of two steps.
    assert len(set(map(tuple, masks))) == len(masks) == 2 * count
    assert {value for mask in masks for value in mask} == {0, 2}
    for each in found["sum_gradients"]:
        np.testing.assert_allclose(each, sum_gradients_of_one_batch(), rtol=1e-5)
    assert found["resumed"]


def sum_gradients_of_one_batch() -> list[float]:
    """What `many_devices.sum_gradients` shares out: the loss and its gradient."""
    logits, sums = many_devices.logits_and_sums()
    scale = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        outputs = build_sum_distribution()(logits * scale)
        surprise = losses.sum_negative_log_likelihood(
            sums, outputs["sum_probabilities"]
        )
        correlation = losses.slot_covariance(outputs["digit_probabilities"])
        loss = tf.reduce_mean(surprise) + 10 * correlation
    return [float(loss), float(tape.gradient(loss, scale))]


def start_workers(folder, sleep) -> list[subprocess.Popen]:
    """Two machines' processes, on this one."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(2)]
    addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    plans = [
        {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": index},
        }
        for index in range(2)
    ]
    return [
        start("worker", folder, sleep, TF_CONFIG=json.dumps(plan)) for plan in plans
    ]


def test_machines_part_resume_and_end_as_one_device(tmp_path):
    workers = start_workers(tmp_path / "two", sleep=1)
    first = tmp_path / "two" / "checkpoints" / "ckpt-4.index"
    deadline = time.monotonic() + 200
    while not first.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    workers[1].send_signal(signal.SIGKILL)
    killed = time.monotonic()
    error = answer(workers[0])["error"]
    assert time.monotonic() - killed < 60
    assert "A worker of TF_CONFIG was lost" in error and "ckpt-" in error
    workers[1].communicate()
    # The same command again: both go on from the checkpoint.
    found = [answer(worker) for worker in start_workers(tmp_path / "two", 0)]
    assert found[0]["weights"] == found[1]["weights"]
    (tmp_path / "one").mkdir()
    many_devices.train(many_devices.make_task(), tmp_path / "one", ["CPU:0"])
    rows, alone = (history.read_history(tmp_path / name) for name in ("two", "one"))
    assert [row["step"] for row in rows] == [row["step"] for row in alone]
    np.testing.assert_allclose(
        [row["loss"] for row in rows], [row["loss"] for row in alone], rtol=1e-4
    )
    # The second one wrote nothing.
    assert set(found[0]["written"]) == {"CheckpointFolder", "History", "Scalars"}
    assert found[1]["written"] == []
