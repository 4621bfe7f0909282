"""A short form of `check_resumption.py`, which kills twenty times."""

import check_resumption


def test_a_killed_training_ends_in_the_same_bits():
    counts, num_tensors = check_resumption.check(kills=1, precision="float32")
    assert sum(counts.values()) == 1 and num_tensors > 50
