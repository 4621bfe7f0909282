"""Corruptions on pixels that can be worked out by hand."""

import numpy as np
import pytest

from mnist_sum_tf import robustness
from mnist_sum_tf.data import corruptions
from mnist_sum_tf.data.digits import Digits


def dot(value=255, row=20, column=80):
    images = np.zeros((6, 40, 168, 1), np.uint8)
    images[:, row, column] = value
    return images


@pytest.mark.parametrize("name", corruptions.IMAGE_CORRUPTIONS)
def test_a_corruption_is_a_function_of_its_seed(name):
    images = np.random.default_rng(0).integers(0, 256, (4, 40, 168, 1), np.uint8)
    first = corruptions.corrupt_images(images, name, 1)
    assert first.dtype == np.uint8 and first.shape == images.shape
    assert (first != images).any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(first, corruptions.corrupt_images(images, name, 1))
    if name not in ("brightness", "canny_edges"):  # nothing is random
        assert (first != corruptions.corrupt_images(images, name, 2)).any()


def test_brightness_adds_one_half():
    bright = corruptions.corrupt_images(dot(100), "brightness", 0)
    assert (bright[:, 20, 80] == 228).all() and bright[0, 0, 0] == 128


def test_impulses_are_white_and_black_in_equal_shares():
    images = np.full((6, 40, 168, 1), 100, np.uint8)
    noisy = corruptions.corrupt_images(images, "impulse_noise", 0)
    assert set(np.unique(noisy)) == {0, 100, 255}
    for value in (0, 255):
        assert abs((noisy == value).mean() - 0.085) < 0.01


def test_shot_noise_keeps_the_mean_in_steps_of_a_third():
    images = np.full((6, 40, 168, 1), 51, np.uint8)
    noisy = corruptions.corrupt_images(images, "shot_noise", 0)
    assert set(np.unique(noisy)) <= {0, 85, 170, 255}
    assert abs(noisy.mean() - 51) < 2


def test_a_stripe_of_eight_columns_inverts_each_quarter():
    striped = corruptions.corrupt_images(dot(0), "stripe", 0)[..., 0]
    columns = (striped == 255).all(axis=1)
    assert (striped[~np.broadcast_to(columns[:, None], striped.shape)] == 0).all()
    np.testing.assert_array_equal(
        columns.reshape(6, 4, 42).sum(axis=2), np.full((6, 4), 8)
    )


def test_a_dotted_line_leaves_two_of_four_columns():
    dotted = corruptions.corrupt_images(dot(0), "dotted_line", 0)[..., 0]
    inked = dotted.any(axis=1).reshape(6, 42, 4)
    np.testing.assert_array_equal(inked, [[[True, True, False, False]] * 42] * 6)


def test_fog_makes_three_quarters_of_an_image():
    """White, 255, is a quarter of it: where clouds are thinnest, 63.75."""
    images = np.full((2, 40, 168, 1), 255, np.uint8)
    foggy = corruptions.corrupt_images(images, "fog", 0)
    assert foggy.min(axis=(1, 2, 3)).tolist() == [64, 64]
    assert foggy.max(axis=(1, 2, 3)).tolist() == [255, 255]


def test_motion_smears_to_one_side_and_keeps_the_ink():
    smeared = corruptions.corrupt_images(dot(), "motion_blur", 0)[..., 0]
    # Seen from a blurred pixel, the dot lies up to ten pixels to its right.
    rows, columns = np.nonzero(smeared.any(axis=0))
    assert 70 <= columns.min() < 76 and columns.max() == 80
    assert abs(rows - 20).max() <= 7
    assert (abs(smeared.sum(axis=(1, 2), dtype=int) - 255) <= 5).all()


def test_edges_are_outlines():
    images = np.zeros((1, 40, 168, 1), np.uint8)
    images[:, 10:30, 50:90] = 255
    edges = corruptions.corrupt_images(images, "canny_edges", 0)[0, ..., 0]
    assert set(np.unique(edges)) == {0, 255}
    assert not edges[14:26, 54:86].any() and not edges[:, :47].any()
    assert (edges[20] == 255).sum() in (2, 3, 4)


def test_digits_are_moved_and_shrunk():
    digits = np.zeros((40, 28, 28), np.uint8)
    digits[:, 13:15, 13:15] = 255
    moved = corruptions.corrupt_digits(digits, "translate", 0)
    corners = {tuple(np.argwhere(digit)[0]) for digit in moved}
    assert corners == {(10, 10), (10, 16), (16, 10), (16, 16)}
    assert (moved.sum(axis=(1, 2), dtype=int) == 4 * 255).all()
    digits[:, 4:24, 13:15] = 255
    shrunk = corruptions.corrupt_digits(digits, "scale", 0)
    assert (shrunk.max(axis=2) > 127).sum(axis=1).max() == 14


def test_digits_turn_either_way_by_their_seed():
    digits = np.zeros((40, 28, 28), np.uint8)
    digits[:, 4:24, 13:15] = 255
    first, second = (corruptions.corrupt_digits(digits, "rotate", i) for i in (0, 1))
    assert len(np.unique(first, axis=0)) == 2
    assert (first != second).any()


def test_the_mean_leaves_the_clean_images_out():
    results = robustness.with_mean(
        {
            "clean": {"num_images": 5, "sum_accuracy": 1.0},
            "fog": {"num_images": 5, "sum_accuracy": 0.5},
            "zigzag": {"num_images": 5, "sum_accuracy": 0.75},
        }
    )
    assert results[robustness.MEAN] == {"num_images": 10, "sum_accuracy": 0.625}


def test_all_fifteen_are_made_of_the_same_composites(digit_images, digit_labels):
    digits = Digits(digit_images, digit_labels)
    named = robustness.corrupted_datasets(digits, 4)
    assert list(named)[0] == robustness.CLEAN and len(named) == 16
    expected = [labels["digits"] for _, labels in named["clean"]]
    clean = np.concatenate([images for images, _ in named["clean"]])
    for name, dataset in named.items():
        for (images, labels), digits in zip(dataset, expected, strict=True):
            np.testing.assert_array_equal(labels["digits"], digits)
        if name != robustness.CLEAN:
            spoiled = np.concatenate([images for images, _ in dataset])
            assert (spoiled != clean).any(), name
