"""What a stage refuses to begin with."""

import re

import pytest

from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.training import stages
from mnist_sum_tf.user_errors import UserError


def test_a_random_encoder_is_not_frozen(tmp_path):
    settings = get_preset("original", "sum_model")
    expected = re.escape(f"Received: no {tmp_path / 'encoder'}")
    with pytest.raises(UserError, match=f"must have been trained: .*{expected}$"):
        stages.train_end_to_end(settings, tmp_path)
    assert not (tmp_path / "sum_model" / "config.json").exists()
