"""The precision that a flag names, or that suits the machine."""

import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.user_errors import UserError


def resolve_precision(name: str) -> str:
    """Turns `"auto"` into what this machine computes natively.

    Returns:
        `"float32"` or `"mixed_bfloat16"`, names of Keras dtype policies.

    Raises:
        UserError: if `name` is not one of `config.PRECISIONS`.
    """
    if name not in config.PRECISIONS:
        raise UserError(
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
    return has_fast_bfloat16(flags)


def has_fast_bfloat16(cpuinfo: str) -> bool:
    """Whether a processor trains faster in bfloat16 than in float32.

    Intel's do with AMX: AVX-512's bfloat16 instructions alone were slower there.
    On AMD's (Zen 4 and later) these gave 1.75 times the images per second.

    Args:
        cpuinfo: the text of `/proc/cpuinfo`.
    """
    is_amd = "AuthenticAMD" in cpuinfo
    return "amx_bf16" in cpuinfo or (is_amd and "avx512_bf16" in cpuinfo)
