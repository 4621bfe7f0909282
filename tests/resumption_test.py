"""A short form of `check_resumption.py`, which kills twenty times."""

import check_resumption
import pytest


@pytest.mark.parametrize("learn_from", ["composites", "own_images"])
def test_a_killed_training_ends_in_the_same_bits(learn_from):
    counts, num_tensors = check_resumption.check(
        kills=1, precision="float32",
        learn_from=getattr(check_resumption, learn_from),
    )  # fmt: skip
    assert sum(counts.values()) == 1 and num_tensors > 50
