"""Statistics of averaged weights, by hand and through a run."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.models import faster_layers
from mnist_sum_tf.models.normalization import FusedBatchNormalization
from mnist_sum_tf.training import batch_statistics


def build_model():
    """Two numbers, dropped by halves, to their weighted sum, normalised."""
    x = keras.Input((2,))
    y = faster_layers.Dropout(0.5)(x)
    y = keras.layers.Dense(1, use_bias=False, name="weighed")(y)
    y = FusedBatchNormalization(name="weighed_norm")(y)
    y = keras.layers.Dense(1, use_bias=False, name="again")(y)
    y = FusedBatchNormalization(name="again_norm")(y)
    inner = keras.Model(x, y, name="inner")
    model = keras.Model(x, inner(x))
    inner.get_layer("weighed").set_weights([np.array([[1.0], [10.0]])])
    inner.get_layer("again").set_weights([np.array([[3.0]])])
    return model


def batches_of(numbers, batch_size):
    dataset = tf.data.Dataset.from_tensor_slices((np.float32(numbers), numbers))
    return lambda start: dataset.batch(batch_size)


def mean_and_variance(model, name):
    norm = model.get_layer("inner").get_layer(name)
    return norm.moving_mean.numpy().item(), norm.moving_variance.numpy().item()


def test_statistics_are_worked_by_hand(monkeypatch):
    model = build_model()
    numbers = [[1, 0], [1, 2], [1, 3], [1, 1]]
    monkeypatch.setattr(batch_statistics, "NUM_AT_A_TIME", 2)
    batch_statistics.BatchStatistics(model, batches_of(numbers, 2)).update()
    # 1 and 31 are one part, 21 and 11 the other: variances of 225 and 25.
    assert mean_and_variance(model, "weighed_norm") == pytest.approx((16, 125))
    # Three times what is normalised, to within epsilon.
    found = mean_and_variance(model, "again_norm")
    assert found == pytest.approx((0, 9), rel=1e-4, abs=1e-5)


def test_they_are_those_of_today_and_nothing_else_changes():
    model = build_model()
    statistics = batch_statistics.BatchStatistics(
        model, batches_of([[1, 0], [1, 2]], 2)
    )
    statistics.update()
    inner = model.get_layer("inner")
    inner.get_layer("weighed").set_weights([np.array([[2.0], [20.0]])])
    before = [w.numpy() for w in model.trainable_weights]
    statistics.update()
    assert mean_and_variance(model, "weighed_norm") == pytest.approx((22, 400))
    for weight, value in zip(model.trainable_weights, before):
        np.testing.assert_array_equal(weight, value)


def test_small_batches_are_few(monkeypatch):
    monkeypatch.setattr(batch_statistics, "MOST_BATCHES", 3)
    (part,) = batch_statistics._parts(batches_of(np.arange(100), 2)(0))
    assert part.numpy().tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_parts_hold_a_share_of_every_batch(batch_size, monkeypatch):
    monkeypatch.setattr(batch_statistics, "NUM_IMAGES", 12)
    monkeypatch.setattr(batch_statistics, "NUM_AT_A_TIME", 5)
    dataset = batches_of(np.arange(100), batch_size)(0)
    parts = [part.numpy().tolist() for part in batch_statistics._parts(dataset)]
    expected = {
        1: [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]],
        3: [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]],
        7: [[0, 3, 7, 10], [1, 4, 8, 11], [2, 5, 9, 12]],
        100: [[0, 25, 50, 75], [8, 33, 58, 83], [16, 41, 66, 91]],
    }
    assert parts == expected[batch_size]


def test_a_model_without_normalisation_asks_for_no_images():
    x = keras.Input((2,))
    model = keras.Model(x, keras.layers.Dense(1)(x))
    batch_statistics.BatchStatistics(model, train_data=None).update()


@pytest.mark.parametrize(
    "batch_size, most, rows",
    [
        (4, 8, range(8)),
        (6, 8, [0, 1, 3, 4, 6, 7, 9, 10]),
        (2, 32, range(16)),
        (16, 4, [0, 4, 8, 12]),
    ],
)
def test_first_images_are_whole_batches_evenly_thinned(batch_size, most, rows):
    """Two batches of six are read for eight images: rows 12 / 8 apart, rounded down."""
    numbers = np.arange(16.0)[:, np.newaxis]
    found = batch_statistics.first_images(batches_of(numbers, batch_size)(0), most)
    np.testing.assert_array_equal(found, numbers[list(rows)])
