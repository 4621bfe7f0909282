"""What a stage learns from, and what it is evaluated on."""

import dataclasses

import pytest
from stages_test import digits_file, small

from mnist_sum_tf import config
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
