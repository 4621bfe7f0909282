"""The `tf.distribute` strategy that a flag names."""

import contextlib
import json
import logging
import os
import zlib

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.training import checkpoints
from mnist_sum_tf.training.interruptions import MachineLost, default_interrupt
from mnist_sum_tf.user_errors import UserError, first_line

LARGEST_PORT = 2**16 - 1


def set_up_devices(deterministic: bool) -> None:
    """Configures devices; call it before TensorFlow first uses one.

    GPU memory grows as it is needed, so that a display, an evaluation, or
    another training on the same GPU still finds some.

    Args:
        deterministic: whether operations must give the same bits each time.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError as error:  # a notebook has used the GPU before
            logging.warning("GPU memory: %s", error)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def create_strategy(name: str) -> tf.distribute.Strategy:
    """Creates a strategy.

    Args:
        name: `"one_device"`; `"mirrored"` (all devices of this machine);
            `"multi_worker"` (the machines of `TF_CONFIG`); `"auto"`: mirrored
            where there are several GPUs, else one device.

    Raises:
        UserError: if `name` is none of these, or `TF_CONFIG` cannot be used.
    """
    check_name(name)
    if name == "multi_worker":
        return _create_multi_worker()
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "one_device"
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("/GPU:0" if gpus else "/CPU:0")
    devices = gpus or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def check_name(name: str) -> None:
    """Raises `UserError` unless `name` is one of `config.STRATEGIES`."""
    if name not in config.STRATEGIES:
        raise UserError(
            f"--strategy must be one of {', '.join(config.STRATEGIES)}. "
            f"Received: {name!r}"
        )


def _create_multi_worker() -> tf.distribute.Strategy:
    others = check_tf_config(os.environ.get("TF_CONFIG", ""))
    if others:
        names = ", ".join(others)
        logging.info("waiting for the other machines of TF_CONFIG: %s", names)
    try:
        with default_interrupt():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise UserError(
            "--strategy=multi_worker must be the first thing TensorFlow does "
            f"in a process. Received: {error}"
        ) from error
    except (tf.errors.OpError, ValueError) as error:
        raise UserError(
            f"TF_CONFIG must name machines that can be reached. Received: "
            f"{first_line(error)}"
        ) from error


def check_tf_config(text: str) -> list[str]:
    """Checks the environment variable that names the machines.

    Args:
        text: `{"cluster": {"worker": ["host:port", ...]},
            "task": {"type": "worker", "index": 0}}`.

    Returns:
        The addresses of the other machines.

    Raises:
        UserError: if it is not that.
    """
    try:
        given = json.loads(text)
        workers = given["cluster"].pop("worker")
        kind, index = given["task"]["type"], given["task"]["index"]
        right = not given["cluster"] and kind == "worker"
        right &= type(index) is int and 0 <= index < len(workers)
        right &= isinstance(workers, list) and all(map(_has_port, workers))
        right &= len(set(workers)) == len(workers)
    except (AttributeError, ValueError, TypeError, KeyError, RecursionError):
        right = False
    if not right:
        raise UserError(
            'TF_CONFIG must be {"cluster": {"worker": ["host:port", ...]}, '
            '"task": {"type": "worker", "index": 0}}, with no other machines than '
            "workers, each once, ports from 1 to 65535, and index this machine's place "
            f"among the workers. Received: {text!r}"
        )
    return workers[:index] + workers[index + 1 :]


def _has_port(address: str) -> bool:
    host, _, port = address.rpartition(":")
    is_number = port.isascii() and port.isdigit()
    is_name = bool(host) and not any(map(str.isspace, host))
    return is_name and is_number and 1 <= int(port) <= LARGEST_PORT


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """The number of processes that train together."""
    if not _is_multi_worker(strategy):
        return 1
    return strategy.cluster_resolver.cluster_spec().num_tasks("worker")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes: the first worker."""
    if not _is_multi_worker(strategy):
        return True
    return strategy.cluster_resolver.task_id == 0


def _is_multi_worker(strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def workers_agree(strategy: tf.distribute.Strategy, number: int) -> bool:
    """Whether this process's number is the mean of all processes' numbers.

    A barrier: every process must call it. If their numbers differ, `False` is
    returned in at least two of them.
    """
    if num_workers(strategy) == 1:
        return True

    @tf.function(autograph=False)
    def total():
        def share():
            context = tf.distribute.get_replica_context()
            return context.all_reduce("SUM", tf.constant(number, tf.int64))

        return strategy.experimental_local_results(strategy.run(share))[0]

    return int(total()) == number * strategy.num_replicas_in_sync


def check_same_settings(strategy: tf.distribute.Strategy, settings: dict) -> None:
    """Checks that all processes were given the same flags and read the same data.

    Args:
        strategy: from `create_strategy`.
        settings: as nested dictionaries.

    Raises:
        UserError: if not; raised in at least two processes.
    """
    data = settings["data"] | {"tfds_data_dir": None}  # may lie elsewhere
    text = json.dumps(settings | {"data": data}, sort_keys=True)
    if not workers_agree(strategy, zlib.crc32(text.encode())):
        raise UserError(
            "All machines of TF_CONFIG must have the same flags, images and digits. "
            f"Received: some that differ from this machine's: {text}"
        )


def check_batch_size(global_batch_size: int, num_replicas: int) -> None:
    """Checks that every replica gets the same number of examples.

    Raises:
        UserError: if not.
    """
    if global_batch_size < 1 or global_batch_size % num_replicas:
        raise UserError(
            "--global_batch_size must be a positive multiple of the number of "
            f"replicas, {num_replicas}. Received: {global_batch_size}"
        )


def rows_of_all_replicas(rows) -> tf.Tensor:
    """Gathers the global batch's rows from all replicas; call it in a replica.

    Args:
        rows: float `[n, ...]`; gradients flow back to every replica.

    Returns:
        `[n * replicas, ...]`, in the replicas' order, the same in each.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return rows
    return context.all_gather(rows, axis=0)


def distribute(strategy, dataset: tf.data.Dataset, global_batch_size: int):
    """Splits each global batch over all replicas of all machines.

    Each machine composes the whole batch, of which it keeps its share.

    Args:
        strategy: from `create_strategy`.
        dataset: batches of `global_batch_size` examples.
        global_batch_size: a multiple of the number of replicas.

    Returns:
        An iterable of what `strategy.run` takes.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return dataset

    def pipeline(context):
        workers = context.num_input_pipelines
        share = dataset.rebatch(global_batch_size // workers)
        share = share.shard(workers, context.input_pipeline_id)
        return share.rebatch(global_batch_size // replicas, drop_remainder=True)

    return strategy.distribute_datasets_from_function(pipeline)


@contextlib.contextmanager
def tensorflow_errors_reported(strategy, stage_dir):
    """Turns out-of-memory errors and lost workers into one-line errors."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise UserError(
            "--global_batch_size must fit in memory: reduce it, or use a smaller "
            f"model. Received: {first_line(error)}"
        ) from error
    except tf.errors.OpError as error:
        if num_workers(strategy) == 1:
            raise
        raise MachineLost(
            "A worker of TF_CONFIG was lost; restart all of them to resume from "
            f"{checkpoints.latest_checkpoint(stage_dir)}. Received: "
            f"{first_line(error)}"
        ) from error
