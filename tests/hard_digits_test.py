"""Which digits are hard, and how often they come."""

import keras
import numpy as np
import pytest

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.models.encoder import IMAGE_SHAPE
from mnist_sum_tf.training import hard_digits, training_data

NUM_DIGITS = 40


@pytest.fixture
def digits():
    """Bars that fill their box, shades 100, 105, ...; digit n has label n % 10."""
    images = np.zeros([NUM_DIGITS, 28, 28], np.uint8)
    images[:, 4:24, 8:20] = 100 + np.arange(NUM_DIGITS)[:, None, None] * 3
    return Digits(images, (np.arange(NUM_DIGITS) % 10).astype(np.uint8))


def reader(probabilities):
    """An encoder that reads a bar's number off its shade.

    Args:
        probabilities: `[40, 10]`, what it takes each digit for.
    """
    images = keras.Input(IMAGE_SHAPE, dtype="uint8")
    logits = keras.layers.Lambda(
        lambda x: _looked_up(x, np.log(probabilities).astype("float32")),
        output_shape=(4, 10),
    )(images)
    return keras.Model(images, logits)


def _looked_up(images, table):
    ops = keras.ops
    columns = ops.cast(ops.max(images, axis=(1, 3)), "int32")
    number = ops.clip((columns - 98) // 3, 0, NUM_DIGITS - 1)
    # Each bar is one run of columns: where ink begins, the next digit does.
    inked = ops.cast(columns > 0, "int32")
    begins = inked * (1 - ops.pad(inked, [(0, 0), (1, 0)])[:, :-1])
    which = ops.cumsum(begins, axis=1)
    rows = [
        ops.max(ops.where((which == slot) & (inked > 0), number, 0), axis=1)
        for slot in (1, 2, 3, 4)
    ]
    return ops.take(table, ops.stack(rows, axis=1), axis=0)


def certain(wrong: dict) -> np.ndarray:
    """Nearly sure of each label, but `wrong[number]` as is given there."""
    table = np.full([NUM_DIGITS, 10], 0.001)
    table[np.arange(NUM_DIGITS), np.arange(NUM_DIGITS) % 10] = 0.991
    for number, row in wrong.items():
        table[number] = row
    return table


def row(**probabilities):
    """The rest of the ten get 0.001 each, as a class is never impossible."""
    values = np.full(10, 0.001)
    for name, value in probabilities.items():
        values[int(name[1:])] = value
    return values / values.sum()


def test_every_digit_is_read(digits, monkeypatch):
    monkeypatch.setattr(hard_digits, "LAYOUTS", ("tiled", "separate"))
    expected = certain({13: row(_3=0.5, _8=0.5)})
    found = hard_digits.read_digits(digits, reader(expected))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_hardest_twentieth_comes_again(digits, monkeypatch):
    monkeypatch.setattr(hard_digits, "LAYOUTS", ("tiled",))
    wrong = {
        5: row(_5=0.45, _6=0.55),
        17: row(_7=0.02, _1=0.98),  # looks mislabelled
        28: row(_8=0.30, _3=0.70),
        31: row(_1=0.60, _7=0.40),
    }
    found = hard_digits.emphasise_hard_digits(digits, reader(certain(wrong)), 0.24)
    # Two of forty are hard; five more of each make 12 of 50.
    rows = [*range(NUM_DIGITS), *[5, 28] * 5]
    np.testing.assert_array_equal(found.images, digits.images[rows])
    np.testing.assert_array_equal(found.labels, digits.labels[rows])


def test_a_rest_that_makes_no_composite_is_not_hard(digits, monkeypatch):
    monkeypatch.setattr(hard_digits, "LAYOUTS", ("tiled",))
    fewer = Digits(digits.images[:39], digits.labels[:39])
    encoder = reader(certain({}))
    unread = np.flatnonzero(~hard_digits.read_digits(fewer, encoder).any(axis=1))
    assert len(unread) == 3
    # One of 39 is hard; nine more of it make ten of 48.
    found = hard_digits.emphasise_hard_digits(fewer, encoder, 0.35)
    assert len(found.labels) == 39 + 9
    assert set(found.images[39:].max(axis=(1, 2))).isdisjoint(
        fewer.images[unread].max(axis=(1, 2))
    )


@pytest.mark.parametrize("share, repeats", [(0.01, 0), (0.05, 0), (0.5, 18)])
def test_a_share_is_about_met(digits, monkeypatch, share, repeats):
    monkeypatch.setattr(hard_digits, "LAYOUTS", ("tiled",))
    found = hard_digits.emphasise_hard_digits(digits, reader(certain({})), share)
    assert len(found.labels) == NUM_DIGITS + 2 * repeats


def test_a_model_must_say_what_is_hard():
    data = config.DataConfig(hard_share=0.25)
    settings = config.Config(stage="encoder", objective="digits", data=data)
    with pytest.raises(config.UserError, match="Received: 0.25 alone"):
        training_data.of_images(settings, needs_digits=True)
