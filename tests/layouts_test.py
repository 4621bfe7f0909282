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


JUST_BELOW_1 = np.nextafter(np.float32(1), np.float32(0))


def place_by(monkeypatch, layout, *rows, ink_boxes=INK_BOXES):
    """The placement, of one image, that these random numbers in [0, 1) give.

    Each row is one number for all four digits, or four.
    """
    numbers = [np.float32(np.broadcast_to(row, [1, 4])) for row in rows]
    monkeypatch.setattr(
        layouts,
        "uniform_numbers",
        lambda seed, count, batch_size: list(map(tf.constant, numbers))[:count],
    )
    placement = layout(ink_boxes[:1], seed=None)
    return [np.asarray(values)[0] for values in placement[:4]]


@pytest.mark.parametrize(
    "number, left, top",
    [(0, [-10, 19, 48, 77], 0), (JUST_BELOW_1, [10, 49, 88, 127], 11)],
)
def test_the_ends_of_scattered(monkeypatch, number, left, top):
    """Slots 24 + 5 or 24 + 15 apart, moved by 10; `turn` is the first number."""
    found = place_by(monkeypatch, layouts.scattered, 0.5, number, number, number)
    np.testing.assert_array_equal(found[0] - 12, left)
    np.testing.assert_array_equal(found[1] - 14, [top] * 4)


@pytest.mark.parametrize(
    "number, left, top",
    [(0, [0, 13, 26, 39], 0), (JUST_BELOW_1, [14, 56, 98, 140], 11)],
)
def test_the_ends_of_assignment(monkeypatch, number, left, top):
    found = place_by(monkeypatch, layouts.assignment, number, number)
    np.testing.assert_array_equal(found[0] - 14, left)
    np.testing.assert_array_equal(found[1] - 14, [top] * 4)


def test_the_gaps_of_separate(monkeypatch):
    """Five gaps as 1, 2, 3, 4 and 4 of 14 parts of 56 pixels; rows from 0 to 12."""
    parts = 1 - np.exp(-np.array([1, 2, 3, 4.0]))
    found = place_by(
        monkeypatch, layouts.separate, parts, parts[3], [0, 0.5, 0.25, JUST_BELOW_1], 0
    )
    # Rounded down: a gap that float32 makes a little narrower may lose a pixel.
    np.testing.assert_allclose(found[0] - 14, [4, 40, 80, 124], atol=1)
    np.testing.assert_array_equal(found[1] - 14, [0, 6, 3, 12])


@pytest.mark.parametrize(
    "number, left, top",
    [(0, [0, 16, 32, 48], 0), (JUST_BELOW_1, [68, 96, 124, 152], 20)],
)
def test_the_ends_of_cropped(monkeypatch, number, left, top):
    """Ink of 16 columns and 20 rows, 0 or 12 apart, at the left or right border."""
    found = place_by(monkeypatch, layouts.cropped, *[number] * 4)
    np.testing.assert_allclose(found[0] - 14 + 6, left, atol=1e-4)
    np.testing.assert_allclose(found[1] - 14 + 4, [top] * 4, atol=1e-4)


def test_sizes_and_gaps_of_the_continuum(monkeypatch):
    """One size and aspect for an image; each digit's own size varies by a tenth."""
    sizes = [0, 0.25, 0.5, 0.75]
    x, y, width, height = place_by(
        monkeypatch,
        layouts._continuum,
        sizes,
        0,
        sizes,
        [0, 0.5, 0, 0],
        [0.5, 0, 0, 0],
        [0.5, 0, 0, 0],
    )
    np.testing.assert_allclose(
        width, 28 * 0.65 * np.array([0.9, 1, 0.9, 0.9]), rtol=1e-6
    )
    np.testing.assert_allclose(height, width, rtol=1e-6)
    # Ink begins 6 / 28 of a box from its left and is 16 / 28 wide; gaps from -3 to 7.
    ink_left = x - width / 2 + 6 / 28 * width
    gaps = ink_left[1:] - (ink_left + 16 / 28 * width)[:-1]
    np.testing.assert_allclose(gaps, [-0.5, 2, 4.5], atol=1e-5)
    np.testing.assert_allclose(y - height / 2 + 4 / 28 * height, 0, atol=1e-5)


def test_the_continuum_keeps_within_the_canvas(monkeypatch):
    """Full boxes: 112 columns of ink become 160, 28 rows 41; stretched by e ** 0.25."""
    boxes = tf.tile([[[0.0, 28.0, 0.0, 28.0]]], [1, 4, 1])
    one = JUST_BELOW_1
    wide = place_by(
        monkeypatch, layouts._continuum, 0, 0, one, one, one, 0, ink_boxes=boxes
    )
    np.testing.assert_allclose(wide[2], 40, rtol=1e-6)
    np.testing.assert_allclose(wide[3], 28 * 1.45 * 1.1 * np.exp(-0.25), rtol=1e-6)
    high = place_by(
        monkeypatch, layouts._continuum, 0, 0, one, one, 0, 0, ink_boxes=boxes
    )
    np.testing.assert_allclose(high[2], 28 * 1.45 * 1.1 * np.exp(-0.25), rtol=1e-6)
    np.testing.assert_allclose(high[3], 41, rtol=1e-6)


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
            np.log(full.width / still.width) / 2,
            atol=1e-6,
        )


def test_a_placement_is_a_function_of_its_seed():
    first, again, other = (place("mixed", seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.center_x, again.center_x)
    assert (first.center_x != other.center_x).any()


def test_unknown_layout_is_named():
    with pytest.raises(UserError, match="--layout .* 'spiral'"):
        layouts.get_layout("spiral")
