"""A short form of `check_resumption.py`, which kills twenty times."""

import check_resumption


def test_a_killed_training_ends_in_the_same_bits():
    counts, num_tensors = check_resumption.check(3, "mixed_bfloat16")
    assert counts == {"step": 1, "evaluation": 1, "checkpoint": 1}
    assert num_tensors > 50


def test_one_that_goes_on_with_own_images_does_too():
    counts, num_tensors = check_resumption.check(
        1, "float32", learn_from=check_resumption.own_images
    )
    assert counts == {"step": 1} and num_tensors > 50
