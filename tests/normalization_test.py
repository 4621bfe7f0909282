"""Normalised training: Keras' numbers, and folded layers that do the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.models.encoder import (
    build_encoder,
    with_normalization,
    without_normalization,
)
from mnist_sum_tf.models.normalization import (
    SUFFIX,
    FusedBatchNormalization,
    fold_normalization,
)


def pair_of_layers(shape):
    layers = FusedBatchNormalization(), keras.layers.BatchNormalization()
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 2.0, (4, shape[-1]))
    for layer in layers:
        layer.build(shape)
        layer.set_weights(list(weights))
    return layers


@pytest.mark.parametrize("shape", [(6, 4, 5, 3), (6, 3)])
def test_outputs_gradients_and_statistics_are_keras(shape):
    inputs = np.random.default_rng(1).normal(2.0, 3.0, shape).astype("float32")
    weights = np.random.default_rng(2).normal(size=shape).astype("float32")
    found = []
    for layer in pair_of_layers(shape):
        x = tf.constant(inputs)
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            loss = tf.reduce_sum(outputs * weights)
        sources = [x, layer.gamma.value, layer.beta.value]
        found.append(
            [
                outputs,
                *tape.gradient(loss, sources),
                *layer.get_weights(),
                layer(x, training=False),
            ]
        )
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5)


def test_bfloat16_stays_bfloat16_and_statistics_float32():
    layer = FusedBatchNormalization(dtype="mixed_bfloat16")
    images = np.random.default_rng(1).normal(2.0, 3.0, (8, 4, 5, 3))
    outputs = layer(tf.cast(images, tf.bfloat16), training=True)
    assert outputs.dtype == tf.bfloat16
    assert all(v.dtype == "float32" for v in layer.variables)
    expected = (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, atol=0.05)


def test_folding_by_hand():
    """w = 3, mean = 4, variance + epsilon = 4, gamma = 6, beta = 5."""
    inputs = keras.Input((1,))
    x = keras.layers.Dense(1, use_bias=False, name="hidden")(inputs)
    norm = keras.layers.BatchNormalization(epsilon=1.0, name="hidden_norm")
    normalized = keras.Model(inputs, norm(x))
    normalized.get_layer("hidden").set_weights([np.array([[3.0]])])
    norm.set_weights([np.array([v]) for v in (6.0, 5.0, 4.0, 3.0)])
    plain = keras.Sequential([keras.layers.Dense(1, name="hidden")])
    plain.build((None, 1))
    fold_normalization(normalized, plain)
    kernel, bias = plain.get_layer("hidden").get_weights()
    assert kernel == [[9.0]] and bias == [-7.0]  # 3 (3 x - 4) + 5
    np.testing.assert_allclose(normalized(np.array([[2.0]])), [[11.0]])


def test_a_plain_encoder_does_what_the_normalised_one_does():
    normalized = build_encoder(2, 0.25, normalized=True)
    rng = np.random.default_rng(0)
    for layer in normalized.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(list(rng.uniform(0.5, 1.5, (4, layer.gamma.shape[0]))))
    plain = without_normalization(normalized)
    expected = [layer.name for layer in build_encoder(2).layers]
    assert [layer.name for layer in plain.layers] == expected
    assert plain.get_layer("block3_dropout").rate == 0.25
    images = rng.integers(0, 256, (5, 40, 168, 1), np.uint8)
    logits = plain(images).numpy()
    np.testing.assert_allclose(normalized(images), logits, rtol=1e-4, atol=1e-4)
    assert np.abs(logits).max() > 0.01


def test_a_normalised_encoder_does_what_the_plain_one_does():
    """And a batch has, where it is normalised, mean 0 and deviation 1 at once."""
    rng = np.random.default_rng(0)
    plain = build_encoder(2, 0.25)
    for variable in plain.trainable_variables:
        variable.assign_add(rng.normal(scale=0.1, size=variable.shape))
    images = rng.integers(0, 256, (6, 40, 168, 1), np.uint8)
    normalized = with_normalization(plain, images)
    assert normalized.get_layer("block3_dropout").rate == 0.25
    others = rng.integers(0, 256, (6, 40, 168, 1), np.uint8)
    for seen in (images, others):
        np.testing.assert_allclose(plain(seen), normalized(seen), rtol=1e-3, atol=1e-4)
    for layer in normalized.layers:
        if layer.name + SUFFIX in (each.name for each in normalized.layers):
            values = keras.Model(normalized.inputs[0], layer.output)(images)
            norm = normalized.get_layer(layer.name + SUFFIX)
            axes = tuple(range(len(values.shape) - 1))
            for found, expected in (
                (norm.moving_mean, values.numpy().mean(axes)),
                (norm.moving_variance, values.numpy().var(axes)),
            ):
                np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
            lengths = np.linalg.norm(
                layer.kernel.numpy().reshape(-1, values.shape[-1]), axis=0
            )
            np.testing.assert_allclose(lengths, np.sqrt(2), rtol=1e-5)
    again = without_normalization(normalized)
    np.testing.assert_allclose(plain(others), again(others), rtol=1e-3, atol=1e-4)


def test_a_plain_encoder_is_left_as_it_is():
    encoder = build_encoder(2)
    assert without_normalization(encoder) is encoder


def test_a_normalised_encoder_has_the_plain_ones_layers_and_more():
    normalized = build_encoder(16, normalized=True)
    kinds = [type(layer).__name__ for layer in normalized.layers]
    assert kinds.count("FusedBatchNormalization") == 11
    assert kinds.count("Conv2D") == 10 and kinds.count("ReLU") == 11
    # Eleven biases less, and four numbers per normalised channel more.
    channels = 2 * (16 + 32 + 64 + 128 + 256) + 512
    assert normalized.count_params() == 1_854_872 + 3 * channels
