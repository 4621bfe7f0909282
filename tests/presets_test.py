"""What the presets hold."""

import pytest

from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.user_errors import UserError


def test_presets_keep_the_described_settings():
    encoder = get_preset("original", "encoder")
    assert encoder.optimizer.learning_rate == 1e-5
    assert encoder.optimizer.schedule == "constant"
    assert encoder.model.base_channels == 64 and encoder.model.dropout_rate == 0.1
    decoder = get_preset("original", "decoder")
    assert decoder.optimizer.learning_rate == 1e-3
    assert decoder.objective == "one_hot_sum" and decoder.global_batch_size == 16
    both = get_preset("original", "sum_model")
    assert both.optimizer.learning_rate == 1e-4 and not both.train_encoder
    compact = get_preset("compact", "encoder")
    assert compact.model.base_channels == 16
    assert compact.optimizer.average_decay == 0.9995
    with pytest.raises(UserError, match="--preset .* 'huge'"):
        get_preset("huge", "encoder")
