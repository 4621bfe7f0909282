"""What is kept from standard error, and that it speaks again afterwards."""

import subprocess
import sys


def test_nothing_is_printed_but_what_follows():
    code = (
        "import sys\nfrom mnist_sum_tf import quiet\nquiet.import_tensorflow()\n"
        "assert 'tensorflow' in sys.modules\nprint('spoken', file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "spoken\n")


def test_saving_a_model_says_nothing(tmp_path):
    code = f"""
import logging
from mnist_sum_tf import quiet
quiet.import_tensorflow()
logging.basicConfig(level=logging.INFO)
import tensorflow as tf
module = tf.Module()
module.weight = tf.Variable(1.0)
module.add = tf.function(
    lambda x: x + module.weight, input_signature=[tf.TensorSpec([], tf.float32)]
)
tf.saved_model.save(module, {str(tmp_path / "1")!r}, signatures=module.add)
logging.info("spoken")
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300
    )
    assert result.stderr == "INFO:root:spoken\n"
