"""One network for all four cells."""

import keras
import numpy as np

from mnist_sum_tf.data import segments
from mnist_sum_tf.models.cell_reader import build_cell_reader
from mnist_sum_tf.models.sum_distribution import with_distribution


def some_digits(count=6):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 4, 28, 28), np.uint8)


def random_reader(dtype="float32"):
    keras.utils.set_random_seed(1)
    return build_cell_reader(dtype)


def test_each_cell_is_read_alike():
    reader = random_reader()
    digits = some_digits()
    logits = reader(segments.set_apart(digits)).numpy()
    assert logits.shape == (6, 4, 10) and logits.dtype == np.float32
    turned = reader(segments.set_apart(digits[:, [2, 0, 3, 1]])).numpy()
    np.testing.assert_allclose(turned, logits[:, [2, 0, 3, 1]], atol=1e-5)
    assert np.abs(logits[:, 0] - logits[:, 1]).max() > 1e-2


def test_a_slot_depends_on_its_own_cell():
    reader = random_reader()
    digits = some_digits(1)
    logits = reader(segments.set_apart(digits)).numpy()
    digits[0, 2] = 0
    change = np.abs(reader(segments.set_apart(digits)).numpy() - logits)
    changed = change.max(axis=2) > 1e-4
    assert changed.tolist() == [[False, False, True, False]]


def test_the_middle_of_a_cell_is_looked_at():
    reader = random_reader()
    image = segments.set_apart(some_digits(1))
    logits = reader(image).numpy()
    image[:, [0, 3, 36, 39]] = 255
    for left in range(0, 168, 42):
        image[:, :, left : left + 5] = image[:, :, left + 37 : left + 42] = 255
    np.testing.assert_array_equal(reader(image).numpy(), logits)


def test_size_and_precision():
    reader = random_reader("mixed_bfloat16")
    kernels = 9 * (1 * 32 + 32 * 32 + 32 * 64 + 64 * 64)
    normalisation = 4 * (32 + 32 + 64 + 64)
    dense = 8 * 8 * 64 * 128 + 128 + 128 * 10 + 10
    assert reader.count_params() == kernels + normalisation + dense
    assert {weight.dtype for weight in reader.weights} == {"float32"}
    assert reader(segments.set_apart(some_digits(1))).dtype == "float32"


def test_sums_of_what_is_read():
    reader = random_reader()
    images = segments.set_apart(some_digits(2))
    outputs = with_distribution(reader)(images)
    softmax = keras.ops.softmax(reader(images)).numpy()
    np.testing.assert_allclose(outputs["digit_probabilities"], softmax, atol=1e-6)
    expected = [
        np.convolve(np.convolve(a, b), np.convolve(c, d)) for a, b, c, d in softmax
    ]
    np.testing.assert_allclose(outputs["sum_probabilities"], expected, atol=1e-6)
