"""What is kept from standard error, and that it speaks again afterwards."""

import subprocess
import sys

from mnist_sum_tf import quiet


def test_nothing_is_printed_but_what_follows():
    code = (
        "import sys\nfrom mnist_sum_tf import quiet\nquiet.import_tensorflow()\n"
        "assert 'tensorflow' in sys.modules\nprint('spoken', file=sys.stderr)\n"
        "import tensorflow as tf\n"
        "assert not tf.config.experimental.tensor_float_32_execution_enabled()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "spoken\n")


def test_closed_standard_error_is_left_alone(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    quiet.import_tensorflow()
    assert sys.stderr is None
