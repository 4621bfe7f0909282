"""Functions on pixels, compiled by XLA, which makes one loop of many operations."""

import functools
import os

import tensorflow as tf

# A pipeline composes as many batches at a time as there are processors. By default
# XLA would divide each loop among TensorFlow's threads, too, which then look for work
# in between; it would order operations to run beside each other rather than close to
# their inputs; and use vectors half as wide as allowed. With these flags, more images
# are composed per second, with identical pixels (README, "How fast").
FLAGS = (
    "--xla_disable_hlo_passes=cpu-parallel-task-assigner",
    "--xla_cpu_enable_concurrency_optimized_scheduler=false",
    "--xla_cpu_prefer_vector_width=512",
)


def compiled(function):
    """Compiles a function of tensors, once for each choice of shapes.

    Args:
        function: from tensors to tensors, written without Python's control flow on
            their values.

    Returns:
        A function of the same arguments.
    """
    traced = tf.function(function, jit_compile=True, autograph=False)

    @functools.wraps(function)
    def call(*args, **kwargs):
        set_flags()
        return traced(*args, **kwargs)

    return call


@functools.cache
def set_flags() -> None:
    """Gives XLA `FLAGS`, unless this process has used it before.

    Existing `XLA_FLAGS` still apply. XLA reads the variable once, when it is first
    used; afterwards its old value is restored, so that other libraries and child
    processes, which may abort on unknown flags, do not see them.
    """
    given = os.environ.get("XLA_FLAGS")
    os.environ["XLA_FLAGS"] = " ".join([*FLAGS, given or ""])
    try:
        with tf.init_scope(), tf.device("CPU:0"):
            tf.function(lambda: tf.zeros([]), jit_compile=True, autograph=False)()
    finally:
        del os.environ["XLA_FLAGS"]
        if given is not None:
            os.environ["XLA_FLAGS"] = given
