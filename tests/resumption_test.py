"""A short form of `check_resumption.py`, which kills twenty times."""

import check_resumption


def test_a_killed_training_ends_in_the_same_bits():
    counts, num_tensors = check_resumption.check(2, "float32")
    assert counts == {"step": 1, "checkpoint": 1}
    assert num_tensors > 50
