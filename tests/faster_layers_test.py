"""Layers that take less time learn what Keras' own layers learn."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.models import convolutions, faster_layers
from mnist_sum_tf.models.encoder import build_encoder


def _gradients(layer, images, upstream):
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images, training=True)
    found = tape.gradient(outputs, [images, *layer.trainable_weights], upstream)
    return [outputs, *found]


@pytest.fixture
def products(monkeypatch):
    """The shapes of images that products were taken of."""
    taken, moved = [], convolutions._moved

    def counted(images):
        taken.append(images.shape)
        return moved(images)

    monkeypatch.setattr(convolutions, "_moved", counted)
    return taken


def _set_limits(monkeypatch, gradient: list, convolution: list) -> None:
    for name, limits in (("GRADIENT", gradient), ("CONVOLUTION", convolution)):
        by_type = {tf.float32: limits, tf.bfloat16: limits}
        monkeypatch.setattr(convolutions, f"{name}_LIMITS", by_type)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("activation", ["linear", "relu"])
@pytest.mark.parametrize(
    ("gradient", "convolution"), [([], []), ([(10, 24)], []), ([], [(10, 24)])]
)
def test_a_convolution_learns_as_keras_does(
    products, monkeypatch, activation, dtype, gradient, convolution
):
    _set_limits(monkeypatch, gradient, convolution)
    images = tf.random.stateless_normal([3, 2, 5, 4], [1, 2])
    ours, keras_own = (
        layer(6, 3, padding="same", activation=activation, dtype=dtype)
        for layer in (faster_layers.Conv2D, keras.layers.Conv2D)
    )
    upstream = tf.random.stateless_normal([3, 2, 5, 6], [3, 4])
    upstream = tf.cast(upstream, ours.compute_dtype)
    for layer in (ours, keras_own):
        layer.build(images.shape)
    keras_own.set_weights([ours.get_weights()[0], np.arange(6) / 10])
    ours.set_weights(keras_own.get_weights())
    found, expected = (
        _gradients(layer, images, upstream) for layer in (ours, keras_own)
    )
    assert len(products) == len(gradient) + len(convolution)
    assert len(found) == 4  # outputs, images, kernel, bias
    error = 1e-5 if dtype == "float32" else 2**-6
    for each, other in zip(found, expected):
        assert each.dtype == other.dtype
        each, other = (tf.cast(values, tf.float32) for values in (each, other))
        np.testing.assert_allclose(each, other, rtol=error, atol=4 * error)


@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2},
        {"dilation_rate": 2},
        {"padding": "valid"},
        {"groups": 2},
        {"kernel_size": 1},
    ],
)
def test_other_convolutions_are_kerass(products, monkeypatch, options):
    _set_limits(monkeypatch, [(1000, 1)], [(1000, 1)])
    options = {"kernel_size": 3, "padding": "same"} | options
    images = tf.random.stateless_normal([3, 4, 6, 4], [1, 2])
    layer = faster_layers.Conv2D(6, **options)
    with tf.GradientTape() as tape:
        learned_from = layer(images, training=True)
    assert tape.gradient(learned_from, layer.trainable_weights)[0] is not None
    assert not products
    np.testing.assert_array_equal(learned_from, layer(images))


def test_a_kernels_gradient_by_hand(products, monkeypatch):
    _set_limits(monkeypatch, [(6, 1)], [])
    pixels = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
    layer = faster_layers.Conv2D(1, 3, padding="same", use_bias=False)
    images = tf.constant(pixels.reshape(1, 2, 3, 1))
    layer.build(images.shape)
    upstream = np.zeros([1, 2, 3, 1], np.float32)
    upstream[0, 0, 1] = 10  # of the middle of the upper row
    _, _, kernel = _gradients(layer, images, tf.constant(upstream))
    assert kernel[..., 0, 0].numpy().tolist() == [[0, 0, 0], [10, 20, 30], [40, 50, 60]]
    assert products == [(1, 2, 3, 1)]


@pytest.mark.parametrize(
    ("image_shape", "filters", "float32", "bfloat16"),
    [
        ((None, 2, 10, 1024), 1024, "by_product", "with_product_gradients"),
        ((None, 2, 10, 512), 1024, "with_product_gradients", "with_product_gradients"),
        ((None, 2, 10, 256), 256, None, "with_product_gradients"),
        ((None, 2, 10, 127), 256, None, None),
        ((None, 5, 21, 256), 512, None, "with_product_gradients"),
        ((None, 5, 21, 128), 128, None, None),
        ((None, 10, 42, 1024), 1024, None, None),
    ],
)
def test_products_are_taken_of_small_images_of_many_channels(
    image_shape, filters, float32, bfloat16
):
    for dtype, suffix in ((tf.float32, float32), (tf.bfloat16, bfloat16)):
        expected = f"convolve_{suffix}" if suffix else "convolve"
        found = convolutions.fastest_convolution(image_shape, filters, dtype)
        assert found is getattr(convolutions, expected)


@pytest.mark.parametrize(
    ("base_channels", "dtype", "shapes"),
    [
        # conv2 as a whole, and then the kernel's gradient of conv1.
        (64, "float32", [(1, 2, 10, 1024), (1, 2, 10, 512)]),
        (
            64,
            "mixed_bfloat16",
            [(1, 2, 10, 1024), (1, 2, 10, 512), (1, 5, 21, 512), (1, 5, 21, 256)],
        ),
        (16, "mixed_bfloat16", [(1, 2, 10, 256), (1, 2, 10, 128)]),
        (16, "float32", []),
    ],
)
def test_the_last_blocks_take_products(products, base_channels, dtype, shapes):
    encoder = build_encoder(base_channels=base_channels, dtype=dtype)
    images = tf.zeros([1, 40, 168, 1], tf.uint8)
    with tf.GradientTape() as tape:
        encoder(images, training=False)
        assert not products
        outputs = encoder(images, training=True)
    tape.gradient(outputs, encoder.trainable_weights)
    assert products == shapes


def test_on_a_gpu_convolutions_are_kerass(products, monkeypatch):
    _set_limits(monkeypatch, [(6, 1)], [])
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"])
    layer = faster_layers.Conv2D(1, 3, padding="same")
    images = tf.ones([1, 2, 3, 1])
    layer.build(images.shape)
    _gradients(layer, images, tf.ones([1, 2, 3, 1]))
    assert not products


def test_a_biass_gradient_by_hand():
    upstream = np.arange(12.0, dtype=np.float32).reshape(2, 1, 3, 2)
    bias = tf.constant([10.0, 20.0])
    with tf.GradientTape() as tape:
        tape.watch(bias)
        outputs = convolutions.add_bias(tf.zeros([2, 1, 3, 2]), bias)
    assert outputs.numpy().tolist() == [[[[10, 20]] * 3]] * 2
    assert tape.gradient(outputs, bias, upstream).numpy().tolist() == [30, 36]


def test_random_bytes_are_those_of_the_words():
    seed = [5, 6]
    words = tf.random.stateless_uniform([2], seed, None, None, tf.uint32).numpy()
    drawn = faster_layers.random_bytes(tf.constant(6, tf.int64), seed).numpy()
    assert drawn.dtype == np.uint8
    expected = [word // 256**place % 256 for word in words for place in range(4)]
    assert drawn.tolist() == expected[:6]


@pytest.mark.parametrize(
    ("rate", "last", "expected"),
    [
        # A quarter is dropped: below 64.
        (0.25, 0, [0, 0, 12, -16]),
        # Half a byte more, so 64 of 256 or 65, by whether the last byte is below 128.
        (64.5 / 256, 128, [0, 0, 12, -16]),
        (64.5 / 256, 127, [0, 0, 0, -12 * 256 / 191]),
    ],
)
def test_dropout_by_hand(monkeypatch, rate, last, expected):
    def drawn(count, seed):
        assert count == 5
        return tf.constant([0, 63, 64, 255, last], tf.uint8)

    monkeypatch.setattr(faster_layers, "random_bytes", drawn)
    layer = faster_layers.Dropout(rate)
    inputs = tf.constant([[3.0, 6.0], [9.0, -12.0]])
    dropped = layer(inputs, training=True)
    assert dropped.shape == (2, 2)
    assert dropped.numpy().ravel().tolist() == pytest.approx(expected, rel=1e-6)
    assert layer(inputs, training=False) is inputs


def test_dropout_keeps_nine_of_ten_and_their_mean():
    layer = faster_layers.Dropout(0.1, seed=1)
    inputs = tf.ones([1000, 1001])
    first, second = (layer(inputs, training=True).numpy() for _ in range(2))
    # 25 or 26 of 256; a standard deviation is 0.0003.
    share = (first == 0).mean()
    assert min(abs(share - 25 / 256), abs(share - 26 / 256)) < 0.0015
    assert abs(first.mean() - 1) < 0.002
    assert np.unique(first)[1:] == pytest.approx([1 / (1 - round(share * 256) / 256)])
    both = ((first == 0) & (second == 0)).mean()
    assert abs(both - share * (second == 0).mean()) < 0.0005  # independent calls
    beside = ((first[:, 1:] == 0) & (first[:, :-1] == 0)).mean()
    assert abs(beside - share**2) < 0.0005  # and places


def test_dropouts_mean_rate_is_the_rate():
    layer = faster_layers.Dropout(0.1, seed=1)
    inputs = tf.ones([1000])
    calls = np.stack([layer(inputs, training=True).numpy() for _ in range(1000)])
    # A standard deviation is 0.0003.
    assert abs((calls == 0).mean() - 0.1) < 0.0012
    scales = np.unique(calls.max(axis=1))
    assert scales == pytest.approx([256 / 231, 256 / 230])
    # 0.6 of the calls drop 26: 25.6 in the mean.
    assert abs((calls.max(axis=1) == scales[1]).mean() - 0.6) < 0.06


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_dropout_of_nothing_or_all(rate):
    layer = faster_layers.Dropout(rate)
    inputs = tf.constant([[1.0, 2.0]])
    dropped = layer(inputs, training=True)
    assert dropped.numpy().tolist() == [[1.0 - rate, 2.0 * (1 - rate)]]


def test_what_bytes_cannot_tell_apart_is_kerass(monkeypatch):
    monkeypatch.setattr(faster_layers, "random_bytes", None)
    inputs = tf.ones([10, 1000])
    dropped = faster_layers.Dropout(0.999, seed=1)(inputs, training=True).numpy()
    assert (dropped > 0).sum() == pytest.approx(10, abs=12)
    assert dropped.max() == pytest.approx(1000, rel=1e-4)
