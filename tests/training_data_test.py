"""What a stage learns from, and what it is evaluated on."""

import dataclasses

import numpy as np
import pytest
from own_images import noise, save_pair
from stages_test import digits_file, small

from mnist_sum_tf import config
from mnist_sum_tf.data import image_splits
from mnist_sum_tf.data.labelled_images import read_labelled_images
from mnist_sum_tf.training import training_data


@pytest.mark.parametrize(
    "layout, all_layouts, names",
    [
        ("mixed", True, ["tiled", "scattered", "assignment", "mixed"]),
        ("cropped", True, ["tiled", "scattered", "assignment", "mixed", "cropped"]),
        ("cropped", False, ["cropped"]),
    ],
)
def test_a_layout_is_evaluated_on_itself_too(digits_file, layout, all_layouts, names):
    data = config.DataConfig(
        digits=digits_file, layout=layout, validates_all_layouts=all_layouts
    )
    settings = dataclasses.replace(small("encoder", digits_file), data=data)
    found = training_data.image_data(settings, needs_digits=True)
    assert list(found["validation_data"]) == names


def test_composites_are_validated_on_held_out_digits(digits_file):
    """A twelfth of 240 digits, four to an image."""
    found = training_data.image_data(small("encoder", digits_file), needs_digits=True)
    tiled = found["validation_data"]["tiled"]
    assert sum(len(labels["sum"]) for _, labels in tiled) == 5


def test_settings_of_composites_reach_them(digits_file):
    given = {
        "deformed": True,
        "deformation_strength": 0.25,
        "degradation_share": 0.5,
        "mixup_share": 0.75,
    }
    data = config.DataConfig(
        digits=digits_file, layout="tiled", validates_all_layouts=False, **given
    )
    settings = dataclasses.replace(small("encoder", digits_file), data=data)
    found = training_data.image_data(settings, needs_digits=True)["train_data"]
    assert found.keywords == {**given, "total_steps": 2, "keeps_clean": False}


def with_own_images(folder, **changes):
    """Settings of twenty different images."""
    images, sums = save_pair(folder, noise(20), np.arange(20))
    data = config.DataConfig(images=images, sums=sums, **changes)
    return config.Config("sum_model", "distribution", seed=3, data=data)


@pytest.mark.parametrize("train_fraction, count", [(0.8, 2), (0.5, 5)])
def test_own_images_are_validated_on_those_set_apart(tmp_path, train_fraction, count):
    settings = with_own_images(tmp_path, train_fraction=train_fraction)
    found = training_data.image_data(settings, needs_digits=False)
    ((images, _),) = found["validation_data"]["validation"]
    labelled = read_labelled_images(settings.data.images, settings.data.sums)
    parts = image_splits.split_images(labelled, train_fraction, seed=3)
    assert len(images) == count
    np.testing.assert_array_equal(images[..., 0], parts["validation"].images)


def test_own_images_are_augmented_where_asked_for(tmp_path):
    for augmented in (False, True):
        settings = with_own_images(tmp_path, augmented=augmented)
        found = training_data.image_data(settings, needs_digits=False)["train_data"]
        assert found.keywords["augmented"] is augmented
