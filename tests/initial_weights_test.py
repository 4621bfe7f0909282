"""Learning goes on from an exported model's weights."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving.signatures import write_saved_model
from mnist_sum_tf.training.initial_weights import (
    set_initial_weights,
    size_of_exported,
)
from mnist_sum_tf.training.starting_models import starting_sum_model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    encoder, decoder = build_encoder(base_channels=2), build_decoder()
    for variable in encoder.trainable_variables + decoder.trainable_variables:
        # Biases begin at zero: a mix-up of two would go unseen.
        variable.assign_add(np.random.default_rng(0).normal(size=variable.shape))
    folder = tmp_path_factory.mktemp("export") / "1"
    write_saved_model(build_sum_model(encoder, decoder), str(folder))
    return folder, encoder, decoder


def test_every_weight_of_encoder_and_decoder_is_taken(exported):
    folder, encoder, decoder = exported
    new_encoder, new_decoder = build_encoder(base_channels=2), build_decoder()
    set_initial_weights(new_encoder, folder)
    set_initial_weights(new_decoder, folder)
    for old, new in ((encoder, new_encoder), (decoder, new_decoder)):
        assert len(old.trainable_variables) == len(new.trainable_variables) > 0
        for expected, value in zip(
            old.trainable_variables, new.trainable_variables
        ):
            np.testing.assert_array_equal(expected.numpy(), value.numpy())


def test_training_starts_from_there(exported, tmp_path):
    folder, encoder, decoder = exported
    settings = config.Config(
        stage="sum_model", objective="distribution", initial_model=str(folder),
        model=config.ModelConfig(base_channels=2),
    )  # fmt: skip
    start = starting_sum_model(settings, tmp_path, None, "float32")
    for expected in (encoder, decoder):
        found = start.get_layer(expected.name).get_weights()
        assert len(found) == len(expected.weights) > 0
        for value, other in zip(expected.get_weights(), found):
            np.testing.assert_array_equal(value, other)


def test_the_size_is_known_without_loading(exported, monkeypatch):
    monkeypatch.setattr(tf.saved_model, "load", None)
    folder, _, _ = exported
    model = config.ModelConfig(base_channels=7, dropout_rate=0.5)
    assert size_of_exported(model, folder.parent) == config.ModelConfig(
        base_channels=2, dropout_rate=0.5
    )


def test_a_model_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x0a\xff no model")
    with pytest.raises(config.UserError, match=f"--initial_model .* {tmp_path}"):
        size_of_exported(config.ModelConfig(), tmp_path)


def test_another_size_is_told_and_changes_nothing(exported):
    folder, _, _ = exported
    encoder = build_encoder(base_channels=3)
    before = [variable.numpy() for variable in encoder.trainable_variables]
    with pytest.raises(config.UserError, match=r"kernel of shape \(3, 3, 1, 3\)"):
        set_initial_weights(encoder, folder)
    for old, variable in zip(before, encoder.trainable_variables):
        np.testing.assert_array_equal(old, variable.numpy())


def test_a_folder_that_is_no_model_is_named(tmp_path):
    with pytest.raises(config.UserError, match=f"Received: {tmp_path}"):
        set_initial_weights(build_encoder(base_channels=2), tmp_path)
