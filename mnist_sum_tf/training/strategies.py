"""The `tf.distribute` strategy and the precision that a flag names."""

import tensorflow as tf

from mnist_sum_tf import config


def create_strategy(name: str) -> tf.distribute.Strategy:
    """Creates a strategy.

    Args:
        name: `"one_device"`; `"mirrored"` (all devices of this machine);
            `"multi_worker"` (the machines of `TF_CONFIG`); `"auto"`: mirrored
            where there are several GPUs, else one device.

    Raises:
        UserError: if `name` is none of these.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "one_device"
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("/GPU:0" if gpus else "/CPU:0")
    if name == "mirrored":
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    raise config.UserError(
        f"--strategy must be one of {', '.join(config.STRATEGIES)}. "
        f"Received: {name!r}"
    )


def check_batch_size(global_batch_size: int, num_replicas: int) -> None:
    """Checks that every replica gets the same number of examples.

    Raises:
        UserError: if not.
    """
    if global_batch_size < 1 or global_batch_size % num_replicas:
        raise config.UserError(
            "--global_batch_size must be a positive multiple of the number of "
            f"replicas, {num_replicas}. Received: {global_batch_size}"
        )


def resolve_precision(name: str) -> str:
    """Turns `"auto"` into what this machine computes natively.

    Returns:
        `"float32"` or `"mixed_bfloat16"`, names of Keras dtype policies.

    Raises:
        UserError: if `name` is not one of `config.PRECISIONS`.
    """
    if name not in config.PRECISIONS:
        raise config.UserError(
            f"--precision must be one of {', '.join(config.PRECISIONS)}. "
            f"Received: {name!r}"
        )
    if name != "auto":
        return name
    return "mixed_bfloat16" if _computes_bfloat16() else "float32"


def _computes_bfloat16() -> bool:
    """Whether every GPU, or else the processor, multiplies in bfloat16."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = map(tf.config.experimental.get_device_details, gpus)
        # Ampere, compute capability 8.0, is the first to have bfloat16.
        return all(d.get("compute_capability", (0,))[0] >= 8 for d in details)
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            flags = cpuinfo.read()
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags
