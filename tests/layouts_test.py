"""Layouts keep to the numbers they are described by."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import layouts
from mnist_sum_tf.user_errors import UserError

# Ink from column 6 to 22 and row 4 to 24 of every digit.
INK_BOXES = tf.tile([[[6.0, 22.0, 4.0, 24.0]]], [2000, 4, 1])


def place(name, seed=0):
    placement = layouts.get_layout(name)(INK_BOXES, tf.constant([seed, 7]))
    return placement._replace(
        **{
            field: value.numpy()
            for field, value in placement._asdict().items()
            if value is not None
        }
    )


def test_tiled_centres_digits_in_four_cells():
    placement = place("tiled")
    np.testing.assert_array_equal(placement.center_x[0], [21, 63, 105, 147])
    np.testing.assert_array_equal(placement.center_y[0], [19.5] * 4)
    assert set(placement.width.ravel()) == {38}
    assert set(placement.height.ravel()) == {35}
    assert not placement.rotation_degrees.any()


def test_scattered_keeps_to_the_original_numbers():
    placement = place("scattered")
    left = placement.center_x - 12
    top = placement.center_y - 14
    assert set(placement.width.ravel()) == {24}
    assert set(placement.height.ravel()) == {28}
    assert set(np.unique(top)) == set(range(12))
    assert set(np.unique(left[:, 0])) == set(range(-10, 11))
    # The last slot begins 3 * (29...39) pixels from the left.
    assert left[:, 3].min() >= 3 * 29 - 10
    assert left[:, 3].max() <= 3 * 39 + 10
    turns = placement.rotation_degrees
    assert -15 <= turns.min() < -14.9 and 14.9 < turns.max() <= 15
    assert set(placement.overlap) == {layouts.KEEP_EARLIER}


def test_assignment_follows_the_rule_of_the_course():
    placement = place("assignment")
    left = placement.center_x - 14
    top = placement.center_y - 14
    assert set(np.unique(top)) == set(range(12))
    # The first is max(0, r), r from -15 to 14: zero in 16 cases of 30.
    assert set(np.unique(left[:, 0])) == set(range(15))
    assert abs((left[:, 0] == 0).mean() - 16 / 30) < 0.05
    # Boxes begin 13 to 42 pixels apart.
    assert set(np.unique(np.diff(left, axis=1))) == set(range(13, 43))
    assert left.max() + 28 <= config.IMAGE_WIDTH
    assert set(placement.overlap) == {layouts.WRAP_AROUND}


def test_separate_boxes_never_overlap_and_stay_inside():
    placement = place("separate")
    left = placement.center_x - 14
    assert np.diff(left, axis=1).min() >= 28
    assert left.min() >= 0 and left.max() + 28 <= config.IMAGE_WIDTH
    # Free space is shared evenly: a fifth of 56 pixels before the first.
    assert abs(left[:, 0].mean() - 56 / 5) < 1


def test_cropped_sets_ink_0_to_12_pixels_apart():
    placement = place("cropped")
    ink_left = placement.center_x - 14 + 6
    gaps = np.diff(ink_left, axis=1) - 16
    assert set(np.unique(gaps)) == set(range(13))
    ink_top = placement.center_y - 14 + 4
    assert ink_top.min() == 0 and ink_top.max() == 20
    assert ink_left.min() >= 0 and ink_left.max() + 16 <= config.IMAGE_WIDTH


def test_mixed_has_every_rule_of_overlap_and_deforms_five_images_in_six():
    placement = place("mixed")
    shares = dict(layouts.MIXTURE)
    assert abs(sum(shares.values()) - 1) < 1e-6
    for rule, names in (
        (layouts.KEEP_EARLIER, ("tiled", "scattered")),
        (layouts.WRAP_AROUND, ("assignment",)),
        (layouts.BRIGHTEST, ("separate", "cropped")),
    ):
        share = sum(shares[name] for name in names)
        assert abs((placement.overlap == rule).mean() - share) < 0.04
    deformed = (placement.elastic_pixels > 0).any(axis=1)
    assert abs(deformed.mean() - 5 / 6) < 0.04
    assert not placement.shear[~deformed].any()
    assert placement.elastic_pixels.max() <= 2.2


def test_other_layouts_can_be_deformed_as_mixed_is():
    straight = place("tiled")
    placement = layouts.get_layout("tiled", deformed=True)(INK_BOXES, [0, 7])
    deformed = (placement.elastic_pixels.numpy() > 0).any(axis=1)
    assert abs(deformed.mean() - 5 / 6) < 0.04
    for field in ("center_x", "center_y", "width", "height"):
        found, expected = getattr(placement, field).numpy(), getattr(straight, field)
        np.testing.assert_array_equal(found[~deformed], expected[~deformed])
        assert (found[deformed] != expected[deformed]).all()
    assert layouts.get_layout("tiled") is layouts.tiled


@pytest.mark.parametrize("name", ["mixed", "tiled"])
def test_deformation_can_be_gentler(name):
    """Half as strong: half of every change, of the same images."""
    full, half, none = (
        layouts.get_layout(name, deformed=True, deformation_strength=strength)(
            INK_BOXES, [0, 7]
        )
        for strength in (1.0, 0.5, 0.0)
    )
    for change in ("shear", "elastic_pixels"):
        found = getattr(half, change).numpy()
        assert found.any()
        np.testing.assert_allclose(found, getattr(full, change) / 2, rtol=1e-6)
        assert not getattr(none, change).numpy().any()
    if name == "tiled":
        still = layouts.tiled(INK_BOXES, [0, 7])
        np.testing.assert_array_equal(none.center_x, still.center_x)
        np.testing.assert_allclose(
            np.log(half.width / still.width),
            np.log(full.width / still.width) / 2, atol=1e-6,
        )  # fmt: skip


def test_a_placement_is_a_function_of_its_seed():
    first, again, other = (place("mixed", seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.center_x, again.center_x)
    assert (first.center_x != other.center_x).any()


def test_unknown_layout_is_named():
    with pytest.raises(UserError, match="--layout .* 'spiral'"):
        layouts.get_layout("spiral")
