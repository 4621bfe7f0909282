"""ReLU and pooling share the ReLU's gradient, and learn what TensorFlow's own learn."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.models import faster_layers, rectified_pooling
from mnist_sum_tf.models.encoder import build_encoder

# Two windows: one with a largest value, one of none above 0.
WINDOWS = np.array([[1.0, 3.0, -1.0, -3.0], [-5.0, 2.0, 0.0, -2.0]], np.float32)


def test_a_gradient_by_hand():
    values = tf.constant(WINDOWS.reshape(1, 2, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(values)
        maxima = rectified_pooling.pool(rectified_pooling.rectify(values))
    assert maxima.numpy().tolist() == [[[[3], [0]]]]
    gradient = tape.gradient(maxima, values, tf.constant([[[[10.0], [20.0]]]]))
    assert gradient[0, ..., 0].numpy().tolist() == [[0, 10, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gradients_are_tensorflows_bit_for_bit(dtype):
    # Halves, so that some of the largest are equal; of odd height, as in block 5.
    values = tf.random.stateless_normal([3, 5, 6, 4], [1, 2])
    values = tf.cast(tf.round(values * 2) / 2, dtype)
    upstream = tf.cast(tf.random.stateless_normal([3, 2, 3, 4], [3, 4]), dtype)
    results = []
    for rectify, pool in (
        (rectified_pooling.rectify, rectified_pooling.pool),
        (tf.nn.relu, lambda rectified: tf.nn.max_pool2d(rectified, 2, 2, "VALID")),
    ):
        with tf.GradientTape() as tape:
            tape.watch(values)
            maxima = pool(rectify(values))
        results.append((maxima, tape.gradient(maxima, values, upstream)))
    for ours, theirs in zip(*results):
        assert ours.dtype == dtype
        np.testing.assert_array_equal(
            tf.cast(ours, "float32"), tf.cast(theirs, "float32")
        )
    assert np.count_nonzero(tf.cast(results[0][1], "float32")) > 20


@pytest.mark.parametrize("normalized", [False, True])
def test_an_encoder_learns_as_with_keras_own_pooling(monkeypatch, normalized):
    encoder = build_encoder(base_channels=2, dropout_rate=0, normalized=normalized)
    images = tf.random.stateless_uniform([2, 40, 168, 1], [1, 2], 0, 256, tf.int32)

    def gradients():
        with tf.GradientTape() as tape:
            logits = encoder(tf.cast(images, tf.uint8), training=True)
        return tape.gradient(logits, [w.value for w in encoder.trainable_weights])

    ours, taken = gradients(), []

    def pool(layer, inputs, training=False):
        taken.append(layer.name)
        return keras.layers.MaxPooling2D.call(layer, inputs)

    monkeypatch.setattr(rectified_pooling, "rectify", tf.nn.relu)
    monkeypatch.setattr(faster_layers.MaxPooling2D, "call", pool)
    for mine, theirs in zip(ours, gradients(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert taken == [f"block{block}_pool" for block in range(1, 6)]


def test_in_inference_a_gradient_takes_no_second_layer():
    values = tf.constant(WINDOWS.reshape(1, 2, 4, 1))
    for layer in (
        faster_layers.ReLU(),
        faster_layers.Conv2D(
            1,
            3,
            padding="same",
            activation="relu",
            is_pooled=True,
            kernel_initializer=lambda shape, dtype: tf.reshape(
                tf.one_hot(4, 9, dtype=dtype), shape
            ),
        ),
    ):
        with tf.GradientTape() as tape:
            tape.watch(values)
            rectified = layer(values)
        gradient = tape.gradient(rectified, values)
        np.testing.assert_array_equal(gradient, np.float32(values > 0))


def test_only_relu_is_pooled():
    with pytest.raises(ValueError, match="is_pooled needs ReLU. Received: .*linear"):
        faster_layers.Conv2D(1, 3, is_pooled=True)


def test_a_clone_is_pooled_as_well():
    encoder = build_encoder(base_channels=2)
    for model in (encoder, keras.models.clone_model(encoder)):
        for block in range(1, 6):
            assert not model.get_layer(f"block{block}_conv1").is_pooled
            assert model.get_layer(f"block{block}_conv2").is_pooled
