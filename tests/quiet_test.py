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
