"""Weights between two models, number by number."""

import numpy as np
import pytest

from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.training.blending import blend_encoders
from mnist_sum_tf.user_errors import UserError


def sum_model(fill, base_channels=2):
    model = build_sum_model(build_encoder(base_channels), build_decoder())
    for weight in model.weights:
        weight.assign(np.full(weight.shape, fill, np.float32))
    return model


@pytest.mark.parametrize("share, blended", [(0, 8.0), (0.75, 5.0), (1, 4.0)])
def test_the_share_is_of_the_models_own_encoder(share, blended):
    model = sum_model(4.0)
    blend_encoders(model, sum_model(8.0), share)
    for weight in model.get_layer("encoder").weights:
        np.testing.assert_array_equal(weight, np.full(weight.shape, blended))
    for weight in model.get_layer("decoder").weights:
        np.testing.assert_array_equal(weight, np.full(weight.shape, 4.0))


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_is_a_share(share):
    with pytest.raises(UserError, match="--blend_share .* Received"):
        blend_encoders(sum_model(1.0), sum_model(2.0), share)


def test_sizes_must_agree():
    with pytest.raises(UserError, match="blocks of 3,6,12,24,48 channels, here 2,4,8"):
        blend_encoders(sum_model(1.0), sum_model(2.0, base_channels=3), 0.5)
