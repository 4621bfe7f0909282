import os
import subprocess
import sys

import numpy as np
import tensorflow as tf

from mnist_sum_tf.data import compilation

_DOUBLES = """
import os
import tensorflow as tf
from mnist_sum_tf.data import compilation

@compilation.compiled
def double(x):
    return x + x

print(double(tf.ones([1024, 1024])).numpy()[9, 9])
print(os.environ["XLA_FLAGS"])
"""


def test_loops_are_not_divided_and_the_environment_is_heard(tmp_path):
    """Four MiB, which XLA divides in two where there are two threads."""
    given = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"
    printed = subprocess.run(
        [sys.executable, "-c", _DOUBLES],
        env=os.environ | {"TF_NUM_INTRAOP_THREADS": "2", "XLA_FLAGS": given},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.splitlines() == ["2.0", given]
    (code,) = tmp_path.glob("*double*.cpu_after_optimizations.txt")
    assert " fusion(" in code.read_text()
    assert "outer_dimension_partitions" not in code.read_text()


def test_compiled_functions_are_what_they_were():
    def add(first, second=1):
        """Adds."""
        return first + second

    again = compilation.compiled(add)
    assert (again.__name__, again.__doc__) == ("add", "Adds.")
    assert again.__wrapped__ is add
    total = again(tf.constant([1, 2]), second=tf.constant([10, 20]))
    np.testing.assert_array_equal(total, [11, 22])


def test_flags_can_be_set_while_a_graph_is_made():
    compilation.set_flags.cache_clear()
    dataset = tf.data.Dataset.range(3).map(compilation.compiled(lambda n: n * n))
    assert [int(n) for n in dataset] == [0, 1, 4]
