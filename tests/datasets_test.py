import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.data import augmentation, composites, datasets, segments, shuffling
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.data.labelled_images import LabelledImages
from mnist_sum_tf.user_errors import UserError


def some_digits(count=22):
    """Digits that can be told apart: their labels count them."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 28, 28), np.uint8)
    return Digits(images, np.arange(count, dtype=np.uint8))


def some_images(count, with_digits=True):
    """Images that can be told apart: all pixels and all labels are the row."""
    rows = np.arange(count, dtype=np.int32)
    images = np.broadcast_to(rows[:, None, None], (count, 40, 168))
    digits = np.stack([rows] * 4, axis=1) if with_digits else None
    return LabelledImages(images.astype(np.uint8), digits, rows, None)


def collect(dataset):
    return [(images, labels) for images, labels in dataset.as_numpy_iterator()]


def assert_same_batches(left, right):
    left, right = collect(left), collect(right)
    assert len(left) == len(right) > 0
    for batch, other in zip(left, right):
        tf.nest.map_structure(np.testing.assert_array_equal, batch, other)


def spec(batch_size):
    return (
        tf.TensorSpec([batch_size, 40, 168, 1], tf.uint8),
        {
            "digits": tf.TensorSpec([batch_size, 4], tf.int32),
            "sum": tf.TensorSpec([batch_size], tf.int32),
        },
    )


# Composites


def test_composites_are_those_of_each_step():
    digits = some_digits()
    dataset = datasets.composites_dataset(
        digits, "scattered", 7, 5, start_step=2, total_steps=4
    )
    assert dataset.element_spec == spec(5)
    assert dataset.cardinality() == 2
    batches = collect(dataset)
    assert len(batches) == 2
    for step, (images, labels) in zip((2, 3), batches):
        expected = composites.composite_batch(*digits, "scattered", 7, step, 5)
        np.testing.assert_array_equal(images, expected[0])
        np.testing.assert_array_equal(labels["digits"], expected[1]["digits"])
        np.testing.assert_array_equal(labels["sum"], labels["digits"].sum(axis=1))


def test_composites_start_anywhere():
    digits = some_digits()
    late = datasets.composites_dataset(digits, "tiled", 1, 4, start_step=3)
    assert_same_batches(
        late.take(2),
        datasets.composites_dataset(digits, "tiled", 1, 4).skip(3).take(2),
    )
    # A billion steps cost nothing to skip.
    far = datasets.composites_dataset(digits, "tiled", 1, 4, start_step=10**9)
    assert far.cardinality() == tf.data.INFINITE_CARDINALITY
    assert next(iter(far))[0].shape == [4, 40, 168, 1]


def test_composites_of_another_seed():
    batches = [
        collect(datasets.composites_dataset(some_digits(), "tiled", seed, 16, 0, 1))
        for seed in (0, 1)
    ]
    labels = [batch[0][1]["digits"] for batch in batches]
    assert (labels[0] != labels[1]).any()


def test_evaluation_uses_every_digit_once():
    digits = some_digits(22)  # 5 composites and a rest of 2
    dataset = datasets.evaluation_dataset(digits, "tiled", 3, batch_size=2)
    batches = collect(dataset)
    assert [len(images) for images, _ in batches] == [2, 2, 1]
    used = np.concatenate([labels["digits"] for _, labels in batches]).ravel()
    assert len(set(used)) == 20
    assert used.tolist() != sorted(used)
    for images, labels in batches:
        assert images.shape[1:] == (40, 168, 1) and images.dtype == np.uint8
        assert labels["sum"].tolist() == labels["digits"].sum(axis=1).tolist()


@pytest.mark.parametrize("batch_size, sizes", [(5, [5]), (100, [5]), (1, [1] * 5)])
def test_evaluation_batch_sizes(batch_size, sizes):
    dataset = datasets.evaluation_dataset(some_digits(20), "tiled", 3, batch_size)
    assert [len(images) for images, _ in dataset] == sizes
    assert_same_batches(dataset, dataset)


@pytest.mark.parametrize(
    "make", [datasets.composites_dataset, datasets.evaluation_dataset]
)
def test_unknown_layout(make):
    with pytest.raises(UserError, match="--layout must be one of.*'spiral'"):
        make(some_digits(), "spiral", 0, 4)


# A person's own images


def rows_in(batches):
    """The rows of the images, checked against all of their labels."""
    rows = []
    for images, labels in batches:
        rows.append(images[:, 0, 0, 0])
        assert (images == rows[-1][:, None, None, None]).all()
        assert (labels["digits"] == rows[-1][:, None]).all()
        assert (labels["sum"] == rows[-1]).all()
    return np.concatenate(rows)


def test_repeated_images_have_an_order_for_each_epoch():
    labelled = some_images(30)
    dataset = datasets.repeated_dataset(labelled, 5, 8, total_steps=15)
    assert dataset.element_spec == spec(8)
    epochs = rows_in(collect(dataset)).reshape(4, 30)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    for epoch in epochs:
        assert sorted(epoch) == list(range(30))
        assert epoch.tolist() != sorted(epoch)
    other_seed = datasets.repeated_dataset(labelled, 6, 30, total_steps=1)
    assert (rows_in(collect(other_seed)) != epochs[0]).any()
    # The order is that of images, however they are cut into batches.
    one_batch = datasets.repeated_dataset(labelled, 5, 120, total_steps=1)
    assert (rows_in(collect(one_batch)) == epochs.ravel()).all()


@pytest.mark.parametrize("count, seed", [(16, 0), (300, 0), (4, 3)])
def test_orders_of_epochs_are_as_if_drawn(count, seed):
    """Of random orders two have one row in the same place, on average."""
    epochs = np.stack(
        [
            shuffling.shuffled_rows(count, seed, tf.constant(epoch, tf.int64), count)
            for epoch in range(400)
        ]
    )
    assert (np.sort(epochs, axis=1) == np.arange(count)).all()
    assert len(np.unique(epochs, axis=0)) == (24 if count == 4 else 400)
    in_place = (epochs[1:] == epochs[:-1]).sum(axis=1)
    assert abs(in_place.mean() - 1) < 0.25  # five standard errors
    after_256 = (epochs[256:] == epochs[:-256]).sum(axis=1)
    assert abs(after_256.mean() - 1) < 0.42


def test_repeated_images_start_anywhere():
    labelled = some_images(30)
    late = datasets.repeated_dataset(labelled, 5, 8, start_step=6)
    assert_same_batches(
        late.take(3),
        datasets.repeated_dataset(labelled, 5, 8).skip(6).take(3),
    )
    far = datasets.repeated_dataset(labelled, 5, 8, start_step=2**40)
    assert next(iter(far))[0].shape == [8, 40, 168, 1]


def test_repeated_images_augmented_are_those_of_the_step():
    """Batch n is what `augment_images` makes of it with the seed (seed, n)."""
    labelled = some_images(30)
    plain, augmented = (
        datasets.repeated_dataset(
            labelled, 5, 32, start_step=3, total_steps=5, augmented=is_augmented
        )
        for is_augmented in (False, True)
    )
    for step, ((images, labels), (changed, same_labels)) in enumerate(
        zip(plain, augmented), start=3
    ):
        step_seed = tf.constant([5, step], tf.int64)
        expected = augmentation.augment_images(images, step_seed)
        # Fractions are cut off, and outside of `map` other ones round up.
        np.testing.assert_allclose(
            changed.numpy().astype(int), expected.numpy().astype(int), atol=1
        )
        assert (changed != images).numpy().any()
        np.testing.assert_array_equal(labels["sum"], same_labels["sum"])


def test_one_image_repeated():
    dataset = datasets.repeated_dataset(some_images(1), 0, 3, total_steps=1)
    assert rows_in(collect(dataset)).tolist() == [0, 0, 0]


def test_images_once_in_order():
    dataset = datasets.once_dataset(some_images(7), batch_size=3)
    assert dataset.element_spec == spec(None)
    batches = collect(dataset)
    assert [len(images) for images, _ in batches] == [3, 3, 1]
    assert rows_in(batches).tolist() == list(range(7))


@pytest.mark.parametrize(
    "make",
    [
        lambda labelled: datasets.repeated_dataset(labelled, 0, 2, 0, 1),
        lambda labelled: datasets.once_dataset(labelled, 2),
    ],
)
def test_images_with_sums_alone(make):
    dataset = make(some_images(4, with_digits=False))
    assert list(dataset.element_spec[1]) == ["sum"]
    for images, labels in collect(dataset):
        assert (labels["sum"] == images[:, 0, 0, 0]).all()


# Images that were cut


def cut_images(count=30):
    """Digits that can be told apart, and sums that count them."""
    rng = np.random.default_rng(0)
    digits = np.zeros((count, 4, 28, 28), np.uint8)
    digits[:, :, 4:24, 9:19] = rng.integers(100, 256, (count, 4, 1, 1))
    return digits, np.arange(count, dtype=np.int32)


def test_cut_images_are_those_of_the_step():
    digits, sums = cut_images()
    dataset = datasets.cut_images_dataset(digits, sums, 5, 8, total_steps=15)
    assert dataset.element_spec == (
        tf.TensorSpec([8, 40, 168, 1], tf.uint8),
        {"sum": tf.TensorSpec([8], tf.int32)},
    )
    batches = collect(dataset)
    epochs = np.concatenate([labels["sum"] for _, labels in batches]).reshape(4, 30)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    for epoch in epochs:
        assert sorted(epoch) == list(range(30))
    images, labels = batches[3]
    expected = segments.deformed_and_set_apart(digits[labels["sum"]], [5, 3])
    np.testing.assert_array_equal(images, expected)


def test_cut_images_start_anywhere():
    late = datasets.cut_images_dataset(*cut_images(), 5, 8, start_step=6)
    early = datasets.cut_images_dataset(*cut_images(), 5, 8)
    assert_same_batches(late.take(3), early.skip(6).take(3))
