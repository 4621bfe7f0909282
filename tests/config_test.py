"""Channels of the encoder, and what fits in a line of what went wrong."""

import pytest

from mnist_sum_tf.config import ModelConfig
from mnist_sum_tf.user_errors import first_line, one_line


@pytest.mark.parametrize(
    "channels, base_channels, block_channels",
    [((2, 4, 9, 9, 9), 2, (2, 4, 9, 9, 9)), ([2, 4, 8, 16, 32], 2, None)],
)
def test_channels_that_double_need_the_first_alone(
    channels, base_channels, block_channels
):
    size = ModelConfig(block_channels=(1, 1, 1, 1, 1)).with_channels(channels)
    assert size == ModelConfig(base_channels, block_channels)
    assert size.channels == tuple(channels)


@pytest.mark.parametrize(
    "reason, line",
    [
        (ValueError("  no number\nat all"), "no number"),
        (EOFError(), "EOFError"),
        ("", "no reason given"),
        (
            OSError("{{function_node __wrapped__SaveV2}} w/ckpt; No space left"),
            "w/ckpt; No space left",
        ),
        (
            "Graph execution error:\n\nDetected at node A/B defined at (most recent call "
            "last):\n<stack traces unavailable>\nno PNG [1 2]\n\t [[{{node A/B}}]] [Op:c]",
            "no PNG [1 2]",
        ),
        (
            "Graph execution error:\n\nDetected at node A defined at (most recent call last):"
            "\n<stack traces unavailable>\nno ink\n\t [[{{function_node A_1}}{{node A}}]]",
            "no ink",
        ),
        ("x" * 301, "x" * 300 + "…"),
    ],
)
def test_the_first_line(reason, line):
    assert first_line(reason) == line


def test_what_would_reorder_a_line_is_escaped():
    assert one_line("a\u202eb") == "a\\u202eb"
