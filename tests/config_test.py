"""What fits in a line of what went wrong."""

import pytest

from mnist_sum_tf.user_errors import first_line


@pytest.mark.parametrize(
    "reason, line",
    [
        (ValueError("  no number\nat all"), "no number"),
        (EOFError(), "EOFError"),
        ("", "no reason given"),
        (OSError("{{function_node __wrapped__SaveV2}} w/ckpt; No space left"),
         "w/ckpt; No space left"),
        ("Graph execution error:\n\nDetected at node A/B defined at (most recent call "
         "last):\n<stack traces unavailable>\nno PNG [1 2]\n\t [[{{node A/B}}]] [Op:c]",
         "no PNG [1 2]"),
        ("Graph execution error:\n\nDetected at node A defined at (most recent call last):"
         "\n<stack traces unavailable>\nno ink\n\t [[{{function_node A_1}}{{node A}}]]",
         "no ink"),
        ("x" * 301, "x" * 300 + "…"),
    ],
)  # fmt: skip
def test_the_first_line(reason, line):
    assert first_line(reason) == line
