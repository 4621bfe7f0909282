"""Learning goes on from an exported model's weights."""

import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf
from small_runs import assert_same_values, final_values
from stages_test import digits_file

from mnist_sum_tf import config
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.serving.signatures import write_saved_model
from mnist_sum_tf.training import stages
from mnist_sum_tf.training.initial_weights import (
    set_initial_weights,
    short_name,
    size_of_exported,
)
from mnist_sum_tf.training.starting_models import _as_it_learns, starting_sum_model
from mnist_sum_tf.user_errors import UserError


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
        for expected, value in zip(old.trainable_variables, new.trainable_variables):
            np.testing.assert_array_equal(expected.numpy(), value.numpy())


def test_training_starts_from_there(exported, tmp_path):
    folder, encoder, decoder = exported
    settings = config.Config(
        stage="sum_model",
        objective="distribution",
        initial_model=str(folder),
        model=config.ModelConfig(base_channels=2),
    )
    start = starting_sum_model(settings, tmp_path, None, "float32")
    for expected in (encoder, decoder):
        found = start.get_layer(expected.name).get_weights()
        assert len(found) == len(expected.weights) > 0
        for value, other in zip(expected.get_weights(), found):
            np.testing.assert_array_equal(value, other)


def four_steps(stage, model, digits_file):
    preset = get_preset("compact", stage)
    return dataclasses.replace(
        preset,
        total_steps=4,
        global_batch_size=4,
        precision="float32",
        checkpoint_every_steps=2,
        evaluate_every_steps=4,
        initial_model=str(model),
        data=dataclasses.replace(
            preset.data,
            digits=digits_file,
            layout="tiled",
            validates_all_layouts=False,
        ),
        model=config.ModelConfig(base_channels=2, normalized=True),
        optimizer=config.OptimizerConfig(schedule="constant"),
    )


def test_a_run_goes_on_without_what_it_once_started_from(
    exported, tmp_path, digits_file
):
    shutil.copytree(exported[0], tmp_path / "model")
    settings = four_steps("encoder", tmp_path / "model", digits_file)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    stages.train_encoder(settings, whole)
    stages.train_encoder(dataclasses.replace(settings, total_steps=2), parts)
    shutil.rmtree(tmp_path / "model")
    stages.train_encoder(settings, parts)
    assert_same_values(final_values(whole / "encoder"), final_values(parts / "encoder"))


def test_a_sum_model_does_so_too(exported, tmp_path, digits_file):
    shutil.copytree(exported[0], tmp_path / "model")
    settings = four_steps("sum_model", tmp_path / "model", digits_file)
    stages.train_end_to_end(dataclasses.replace(settings, total_steps=2), tmp_path)
    shutil.rmtree(tmp_path / "model")
    assert stages.train_end_to_end(settings, tmp_path)["step"] == 4


def test_the_size_is_known_without_loading(exported, monkeypatch):
    monkeypatch.setattr(tf.saved_model, "load", None)
    folder, _, _ = exported
    model = config.ModelConfig(base_channels=7, dropout_rate=0.5)
    assert size_of_exported(model, folder.parent) == config.ModelConfig(
        base_channels=2, dropout_rate=0.5
    )


def test_a_model_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x0a\xff no model")
    message = rf"--initial_model must .* {tmp_path} \(DecodeError\)$"
    with pytest.raises(UserError, match=message):
        size_of_exported(config.ModelConfig(), tmp_path)


def test_another_size_is_reported_and_changes_nothing(exported):
    folder, _, _ = exported
    encoder = build_encoder(base_channels=3)
    before = [variable.numpy() for variable in encoder.trainable_variables]
    with pytest.raises(UserError, match=r"kernel of shape \(3, 3, 1, 3\)"):
        set_initial_weights(encoder, folder)
    for old, variable in zip(before, encoder.trainable_variables):
        np.testing.assert_array_equal(old, variable.numpy())


def test_a_folder_that_is_no_model_is_named(tmp_path):
    with pytest.raises(UserError, match=f"Received: {tmp_path}"):
        set_initial_weights(build_encoder(base_channels=2), tmp_path)


def as_file(folder, encoder):
    """An `.npz` as `distill_encoder.py` writes it."""
    path = folder / "encoder.npz"
    weights = {short_name(each): each for each in encoder.trainable_variables}
    np.savez(path, **weights)
    return path


def test_a_file_of_layers_is_taken_like_an_exported_model(exported, tmp_path):
    _, encoder, _ = exported
    path = as_file(tmp_path, encoder)
    size = size_of_exported(config.ModelConfig(), path)
    assert size.channels == (2, 4, 8, 16, 32)
    found = build_encoder(block_channels=size.channels)
    set_initial_weights(found, path)
    assert len(encoder.trainable_variables) == 24
    for expected, value in zip(encoder.trainable_variables, found.trainable_variables):
        np.testing.assert_array_equal(expected.numpy(), value.numpy())


@pytest.mark.parametrize("objective", ["distribution", "regression"])
def test_beside_a_file_of_an_encoder_the_decoder_is_random(
    exported, tmp_path, objective, caplog
):
    path = as_file(tmp_path, exported[1])
    settings = config.Config(
        stage="sum_model",
        objective=objective,
        initial_model=str(path),
        model=config.ModelConfig(base_channels=2, normalized=False),
    )
    start = starting_sum_model(settings, tmp_path, None, "float32")
    learns = objective == "regression"
    assert ("the decoder is random and does not learn" in caplog.text) is not learns
    for found, expected in zip(
        start.get_layer("encoder").get_weights(), exported[1].get_weights()
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_normalised_start_is_the_same_by_batches_of_any_size():
    """Of two images alone, units that barely differ would be taken for dead."""
    encoder = build_encoder(base_channels=2)
    images = np.random.default_rng(0).integers(0, 256, (128, 40, 168, 1), np.uint8)
    dataset = tf.data.Dataset.from_tensor_slices((images, np.zeros(128)))
    starts = [
        _as_it_learns(
            encoder,
            config.Config(
                "encoder",
                "digits",
                global_batch_size=batch_size,
                model=config.ModelConfig(normalized=True),
            ),
            lambda *_, **__: dataset.batch(batch_size),
            "float32",
        )
        for batch_size in (2, 128)
    ]
    np.testing.assert_allclose(starts[0](images), encoder(images), rtol=1e-3, atol=1e-4)
    for few, many in zip(*(start.get_weights() for start in starts)):
        np.testing.assert_array_equal(few, many)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_weights_that_are_no_numbers_are_reported(exported, tmp_path, value):
    path = as_file(tmp_path, exported[1])
    weights = dict(np.load(path))
    weights["logits/bias"][3] = float(value)
    np.savez(path, **weights)
    message = (
        "--initial_model must .* Received: .*npz with NaN or infinity in logits/bias$"
    )
    with pytest.raises(UserError, match=message):
        set_initial_weights(build_encoder(base_channels=2), path)


@pytest.mark.parametrize("block", [1, 5])
def test_layers_without_channels_are_reported(exported, tmp_path, block):
    path = as_file(tmp_path, exported[1])
    kernel = {f"block{block}_conv1/kernel": np.zeros((3, 3, 1, 0), np.float32)}
    np.savez(path, **dict(np.load(path)) | kernel)
    message = "--initial_model must have the layers of an encoder.*encoder.npz$"
    with pytest.raises(UserError, match=message):
        size_of_exported(config.ModelConfig(), path)


def test_a_file_of_layers_that_cannot_be_used(exported, tmp_path):
    path = as_file(tmp_path, exported[1])
    with pytest.raises(UserError, match="of the decoder.*without hidden1/kernel$"):
        set_initial_weights(build_decoder(), path)
    with pytest.raises(UserError, match=r"block1_conv1/kernel of shape"):
        set_initial_weights(build_encoder(base_channels=3), path)
    half = tmp_path / "half.npz"
    half.write_bytes(path.read_bytes()[:1000])
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    reasons = {
        "half.npz": r" \(BadZipFile: File is not a zip file\)$",
        "none.npz": r" \(FileNotFoundError: .*$",
        "other.npz": "$",
    }
    for name, reason in reasons.items():
        with pytest.raises(UserError, match=f"--initial_model must.*{name}{reason}"):
            size_of_exported(config.ModelConfig(), tmp_path / name)
