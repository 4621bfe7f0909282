"""A ReLU that is left to the pooling after it learns what Keras' layers learn."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.models import faster_layers
from mnist_sum_tf.models.encoder import build_encoder

# Two windows: one with a largest value, one of none above 0.
WINDOWS = np.array([[1.0, 3.0, -1.0, -3.0], [-5.0, 2.0, 0.0, -2.0]], np.float32)


def _pooled(values, upstream, layers):
    """The outputs of layers in training, and their gradient."""
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = values
        for layer in layers:
            outputs = layer(outputs, training=True)
    return outputs, tape.gradient(outputs, values, upstream)


def test_a_gradient_by_hand():
    maxima, gradient = _pooled(
        tf.constant(WINDOWS.reshape(1, 2, 4, 1)),
        tf.constant([[[[10.0], [20.0]]]]),
        [faster_layers.ReLU(), faster_layers.MaxPooling2D(2)],
    )
    assert maxima.numpy().tolist() == [[[[3], [0]]]]
    assert gradient[0, ..., 0].numpy().tolist() == [[0, 10, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gradients_are_those_of_keras_bit_for_bit(dtype):
    # Halves, so that some of the largest are equal; of odd height, as in block 5.
    values = tf.random.stateless_normal([3, 5, 6, 4], [1, 2])
    values = tf.cast(tf.round(values * 2) / 2, dtype)
    upstream = tf.cast(tf.random.stateless_normal([3, 2, 3, 4], [3, 4]), dtype)
    ours, theirs = (
        _pooled(
            values,
            upstream,
            [library.ReLU(dtype=dtype), library.MaxPooling2D(2, dtype=dtype)],
        )
        for library in (faster_layers, keras.layers)
    )
    for mine, other in zip(ours, theirs):
        assert mine.dtype == dtype
        np.testing.assert_array_equal(
            tf.cast(mine, "float32"), tf.cast(other, "float32")
        )
    assert np.count_nonzero(tf.cast(ours[1], "float32")) > 20


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("gpus", [[], ["a GPU"]])
def test_an_encoder_learns_as_with_keras_own_layers(monkeypatch, normalized, gpus):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    encoder = build_encoder(base_channels=2, dropout_rate=0, normalized=normalized)
    images = tf.random.stateless_uniform([2, 40, 168, 1], [1, 2], 0, 256, tf.int32)

    def gradients(model):
        with tf.GradientTape() as tape:
            logits = model(tf.cast(images, tf.uint8), training=True)
        weights = [weight.value for weight in model.trainable_weights]
        return [logits, *tape.gradient(logits, weights)]

    ours, of_a_clone = gradients(encoder), keras.models.clone_model(encoder)
    of_a_clone.set_weights(encoder.get_weights())
    taken = []

    def by_keras(layer, inputs, training=False):
        taken.append(layer.name)
        return super(type(layer), layer).call(inputs)

    others = [gradients(of_a_clone)]
    for name in ("Conv2D", "ReLU", "MaxPooling2D"):
        monkeypatch.setattr(getattr(faster_layers, name), "call", by_keras)
    others.append(gradients(encoder))
    for other in others:
        for mine, theirs in zip(ours, other, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    assert len(taken) == (20 if normalized else 15)


def test_in_inference_the_relu_is_applied_at_once():
    values = tf.constant(WINDOWS.reshape(1, 2, 4, 1))
    middle = np.zeros([3, 3, 1, 1], np.float32)
    middle[1, 1] = 1
    convolution = faster_layers.Conv2D(
        1,
        3,
        padding="same",
        activation="relu",
        is_pooled=True,
        kernel_initializer=lambda shape, dtype: tf.constant(middle),
    )
    for layer in (faster_layers.ReLU(), convolution):
        for training, expected in ((False, np.maximum(WINDOWS, 0)), (True, WINDOWS)):
            found = layer(values, training=training)[0, ..., 0]
            np.testing.assert_array_equal(found, expected)
    pooling = faster_layers.MaxPooling2D(2)
    assert pooling(values - 5, training=False).numpy().ravel().tolist() == [-2, -5]


def test_only_relu_is_pooled():
    with pytest.raises(ValueError, match="requires the activation relu. Received: lin"):
        faster_layers.Conv2D(1, 3, is_pooled=True)


@pytest.mark.parametrize("normalized", [False, True])
def test_each_pooled_relu_is_followed_by_its_pooling(normalized):
    encoder = build_encoder(base_channels=2, normalized=normalized)
    for model in (encoder, keras.models.clone_model(encoder)):
        for block in range(1, 6):
            first, second = (
                model.get_layer(f"block{block}_{part}{'_relu' * normalized}")
                for part in ("conv1", "conv2")
            )
            pool = model.get_layer(f"block{block}_pool")
            assert pool.input is second.output
            assert type(pool) is faster_layers.MaxPooling2D
            assert [_is_pooled(layer) for layer in (first, second)] == [False, True]


def _is_pooled(layer) -> bool:
    return isinstance(layer, faster_layers.ReLU) or getattr(layer, "is_pooled", False)
