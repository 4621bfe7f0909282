"""The models are the described ones: layers, shapes, parameters, values."""

import keras
import numpy as np
import pytest

from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder, channels_of
from mnist_sum_tf.models.sum_distribution import build_sum_distribution
from mnist_sum_tf.models.sum_model import build_sum_model

# What the description of the original lists, in its order.
BLOCK_SHAPES = [
    (20, 84, 64),
    (10, 42, 128),
    (5, 21, 256),
    (2, 10, 512),
    (1, 5, 1024),
]


def test_encoder_has_the_original_layers():
    encoder = build_encoder(base_channels=64)
    kinds = [type(layer).__name__ for layer in encoder.layers]
    block = ["Conv2D", "Conv2D", "MaxPooling2D", "Dropout"]
    assert kinds == [
        "InputLayer",
        "Rescaling",
        *block * 5,
        "Flatten",
        "Dense",
        "Dropout",
        "Dense",
        "Reshape",
    ]
    for number, shape in enumerate(BLOCK_SHAPES, start=1):
        first, second, pool, dropout = (
            encoder.get_layer(f"block{number}_{part}")
            for part in ("conv1", "conv2", "pool", "dropout")
        )
        assert pool.output.shape == (None, *shape)
        for convolution in (first, second):
            assert convolution.filters == shape[-1]
            assert convolution.kernel_size == (3, 3)
            assert convolution.padding == "same"
            assert convolution.activation is keras.activations.relu
        assert pool.pool_size == (2, 2) and dropout.rate == 0.1
    assert encoder.get_layer("flatten").output.shape == (None, 5120)
    assert encoder.get_layer("hidden").units == 512
    assert encoder.get_layer("hidden").activation is keras.activations.relu
    assert encoder.get_layer("logits").units == 40
    assert encoder.get_layer("logits").activation is keras.activations.linear
    assert encoder.output.shape == (None, 4, 10)


@pytest.mark.parametrize(
    "base_channels, parameters", [(64, 21_484_520), (16, 1_854_872)]
)
def test_encoder_parameters(base_channels, parameters):
    encoder = build_encoder(base_channels)
    assert encoder.count_params() == parameters
    assert all(variable.dtype == "float32" for variable in encoder.variables[:4])


def test_each_block_may_have_its_own_width():
    channels = (2, 5, 3, 7, 4)
    encoder = build_encoder(block_channels=channels)
    assert channels_of(encoder) == channels
    for block, (inputs, outputs) in enumerate(zip((1, *channels), channels), start=1):
        kernels = [
            encoder.get_layer(f"block{block}_conv{part}").kernel for part in (1, 2)
        ]
        assert kernels[0].shape == (3, 3, inputs, outputs)
        assert kernels[1].shape == (3, 3, outputs, outputs)
    assert encoder.get_layer("hidden").kernel.shape == (5 * 4, 512)
    doubled = build_encoder(block_channels=(1, 2, 4, 8, 16))
    assert doubled.count_params() == build_encoder(1).count_params()


def test_encoder_rescales_pixels_as_the_original_did():
    rescaling = build_encoder(1).get_layer("rescaling")
    pixels = np.array([0, 51, 255], np.uint8).reshape(1, 3)
    np.testing.assert_allclose(rescaling(pixels), [[-1, -0.6, 1]], atol=1e-6)


def test_mixed_precision_keeps_variables_and_logits_in_float32():
    encoder = build_encoder(2, dtype="mixed_bfloat16")
    assert {w.dtype for w in encoder.weights} == {"float32"}
    assert encoder.output.dtype == "float32"
    assert encoder.get_layer("block1_conv2").compute_dtype == "bfloat16"


def test_decoder_has_the_original_layers():
    decoder = build_decoder()
    units = [
        layer.units for layer in decoder.layers if isinstance(layer, keras.layers.Dense)
    ]
    assert units == [64, 128, 64, 1]
    assert decoder.count_params() == 40 * 64 + 64 + 64 * 128 + 128 + (
        128 * 64 + 64 + 64 + 1
    )
    assert decoder.output.shape == (None,)
    logits = np.random.default_rng(0).normal(size=(3, 4, 10)).astype("float32")
    # Softmax does not see a constant added to a digit's logits.
    constants = np.array([[5], [0], [1], [2]], np.float32)
    np.testing.assert_allclose(
        decoder(logits), decoder(logits + constants), rtol=1e-4, atol=1e-5
    )


def test_sum_distribution_of_sure_digits():
    distribution = build_sum_distribution()
    logits = 50 * np.eye(10, dtype="float32")[[[9, 9, 9, 9], [0, 1, 2, 3]]]
    sums = distribution(logits)["sum_probabilities"].numpy()
    np.testing.assert_allclose(sums, np.eye(37)[[36, 6]], atol=1e-6)


def test_sum_distribution_of_flat_digits_counts_combinations():
    outputs = build_sum_distribution()(np.zeros((1, 4, 10), "float32"))
    counts = np.bincount(np.indices([10] * 4).sum(axis=0).ravel())
    np.testing.assert_allclose(
        outputs["sum_probabilities"][0], counts / 10_000, atol=1e-7
    )
    np.testing.assert_allclose(outputs["digit_probabilities"], 0.1, atol=1e-7)


def test_sum_distribution_agrees_with_all_10000_combinations():
    rng = np.random.default_rng(2)
    logits = rng.normal(scale=3, size=(5, 4, 10)).astype("float32")
    outputs = build_sum_distribution()(logits)
    p = np.asarray(outputs["digit_probabilities"], np.float64)
    joint = np.einsum("na,nb,nc,nd->nabcd", p[:, 0], p[:, 1], p[:, 2], p[:, 3])
    sums = np.indices([10] * 4).sum(axis=0).ravel()
    for row, expected in zip(outputs["sum_probabilities"], joint):
        expected = np.bincount(sums, weights=expected.ravel())
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_temperature_flattens_probabilities():
    distribution = build_sum_distribution()
    softmax = distribution.get_layer("digit_probabilities")
    logits = np.zeros((1, 4, 10), "float32")
    logits[:, :, 3] = 2 * np.log(3.0)
    softmax.temperature.assign(2.0)
    probabilities = distribution(logits)["digit_probabilities"].numpy()
    np.testing.assert_allclose(probabilities[0, :, 3], 3 / 12, rtol=1e-6)
    assert not distribution.trainable_variables


def test_sum_model_chains_its_parts():
    encoder, decoder = build_encoder(2), build_decoder()
    model = build_sum_model(encoder, decoder)
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (3, 40, 168, 1), dtype=np.uint8)
    outputs = model(images)
    logits = encoder(images)
    distribution = build_sum_distribution()(logits)
    assert set(outputs) == {
        "digit_logits",
        "digit_probabilities",
        "sum_probabilities",
        "sum",
    }
    np.testing.assert_array_equal(outputs["digit_logits"], logits)
    np.testing.assert_array_equal(outputs["sum"], decoder(logits))
    for name, values in distribution.items():
        np.testing.assert_array_equal(outputs[name], values)
    assert model.get_layer("encoder") is encoder
    assert model.get_layer("decoder") is decoder
