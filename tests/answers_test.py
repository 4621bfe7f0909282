"""Answers gathered over batches, and the worst of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf import answers, evaluation, evaluation_tables


@pytest.fixture(scope="module")
def model():
    """Reads the first pixels: four digits, the sum, its probability in %."""

    @keras.saving.register_keras_serializable("tests")
    class Reader(keras.layers.Layer):
        def call(self, images):
            pixels = tf.cast(images[:, 0, :6, 0], tf.int32)
            share = tf.cast(pixels[:, 5:6], tf.float32) / 100
            read = tf.one_hot(pixels[:, 4], 37)
            return {
                "digit_probabilities": tf.one_hot(pixels[:, :4], 10),
                # What is left falls on the sum 36.
                "sum_probabilities": share * read + (1 - share) * tf.one_hot([36], 37),
                "sum": tf.cast(pixels[:, 4], tf.float32) + 0.25,
            }

    images = keras.Input((40, 168, 1), dtype="uint8")
    return keras.Model(images, Reader()(images))


def a_dataset(rows, sums, batch_size, digits=None):
    images = np.zeros((len(rows), 40, 168, 1), np.uint8)
    images[:, 0, :6, 0] = rows
    labels = {"sum": np.array(sums, np.int32)}
    if digits is not None:
        labels["digits"] = np.array(digits, np.int32)
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size)


ROWS = [[1, 2, 3, 4, 10, 90], [0, 0, 0, 5, 5, 80], [9, 9, 9, 8, 35, 60]]


def test_answers_of_all_batches_in_order(model):
    digits = [[1, 2, 3, 4], [0, 0, 0, 4], [9, 9, 9, 9]]
    found = answers.collect(model, a_dataset(ROWS, [10, 4, 36], 2, digits), "some")
    np.testing.assert_array_equal(found.sums, [10, 4, 36])
    np.testing.assert_array_equal(found.digits, digits)
    np.testing.assert_array_equal(found.read_sums, [10, 5, 35])
    np.testing.assert_allclose(found.confidences, [0.9, 0.8, 0.6])
    np.testing.assert_allclose(found.decoder_sums, [10.25, 5.25, 35.25])
    assert found.digit_probabilities.shape == (3, 4, 10)


def test_the_worst_have_the_names_of_their_files(model):
    names = tf.data.Dataset.from_tensor_slices([b"a.png", b"b\xff.png", b"c\n.png"])
    dataset = tf.data.Dataset.zip(a_dataset(ROWS, [10, 4, 36], 2), names.batch(2)).map(
        lambda pair, names: (pair[0], pair[1] | {"name": names})
    )
    found = answers.collect(model, dataset, "some")
    sources = [each.source for each in found.worst]
    assert sources == ["b\\udcff.png", "c\\n.png", "a.png"]


def test_the_worst_come_first_with_what_was_read(model):
    digits = [[1, 2, 3, 4], [0, 0, 0, 4], [9, 9, 9, 9]]
    found = answers.collect(model, a_dataset(ROWS, [10, 4, 36], 2, digits), "some")
    worst = found.worst[0]
    assert worst.true_digits == (0, 0, 0, 4) and worst.true_sum == 4
    assert worst.digits == (0, 0, 0, 5) and worst.sum == 5
    assert worst.probability == pytest.approx(0.8)
    assert worst.true_probability == 0 and worst.source == "some"
    assert worst.image[0, :6].tolist() == ROWS[1]
    assert [each.true_sum for each in found.worst] == [4, 36, 10]


def test_a_model_is_traced_once_for_all_data_sets(model):
    traced = []

    def noting(images, training):
        traced.append(images.shape)
        return model(images, training=training)

    named = {str(i): a_dataset(ROWS[:2], [10, 4], 2) for i in range(3)}
    found = answers.collect_all(noting, named.items())
    assert list(found) == ["0", "1", "2"] and len(traced) == 1
    for name, each in found.items():
        np.testing.assert_array_equal(each.read_sums, [10, 5])
        assert each.worst[0].source == name


def test_only_a_hundred_are_kept(model):
    rows = [[0, 0, 0, 1, 1, 10 + i % 90] for i in range(130)]
    found = answers.collect(model, a_dataset(rows, [1] * 130, 50), "many")
    likelihood = [each.true_probability for each in found.worst]
    expected = sorted((10 + i % 90) / 100 for i in range(130))[:100]
    np.testing.assert_allclose(likelihood, expected, rtol=1e-6)


def test_sums_alone(model):
    with_digits = answers.collect(
        model, a_dataset(ROWS[:1], [10], 1, [[1, 2, 3, 4]]), "first"
    )
    without = answers.collect(model, a_dataset(ROWS[1:], [4, 36], 1), "second")
    assert without.digits is None and without.worst[0].true_digits is None
    joined = answers.join([with_digits, without])
    assert joined.digits is None
    np.testing.assert_array_equal(joined.sums, [10, 4, 36])
    assert [each.source for each in joined.worst] == ["second"] * 2 + ["first"]


def test_several_are_evaluated_one_by_one_and_together(model):
    found = {
        "first": answers.collect(model, a_dataset(ROWS[:1], [10], 1), "first"),
        "second": answers.collect(model, a_dataset(ROWS[1:], [4, 36], 1), "2"),
    }
    evaluated = evaluation.confidence_by_name(found)
    assert list(evaluated) == ["first", "second", evaluation.POOLED]
    assert [each["num_images"] for each in evaluated.values()] == [1, 2, 3]
    assert evaluated["first"]["ece"] == pytest.approx(0.1)
    # Each stands in a bin of its own: 0.1, 0.8 and 0.6.
    assert evaluated[evaluation.POOLED]["ece"] == pytest.approx(0.5)
    assert list(evaluation.confidence_by_name({"first": found["first"]})) == ["first"]
    table = evaluation_tables.format_confidence(evaluated).splitlines()
    assert table[1].split()[:2] == ["first", "10.00%"]
