import itertools

import numpy as np
import pytest

from mnist_sum_tf.data.image_splits import split_images
from mnist_sum_tf.data.labelled_images import LabelledImages
from mnist_sum_tf.user_errors import UserError


def noise(count):
    random = np.random.default_rng(0)
    return random.integers(0, 256, (count, 40, 168), np.uint8)


def labelled_noise(count):
    rows = np.arange(count, dtype=np.int32)
    digits = np.stack([rows] * 4, axis=1)
    return LabelledImages(noise(count), digits, rows, list(map(str, rows)))


def rows_of(parts):
    return {name: part.sums.tolist() for name, part in parts.items()}


def test_split_sizes_and_fields():
    labelled = labelled_noise(50)
    parts = split_images(labelled, 0.8, seed=0)
    rows = rows_of(parts)
    assert {name: len(part) for name, part in rows.items()} == {
        "train": 40,
        "validation": 5,
        "test": 5,
    }
    assert sorted(sum(rows.values(), [])) == list(range(50))
    for name, part in parts.items():
        assert rows[name] == sorted(rows[name])
        np.testing.assert_array_equal(part.images, labelled.images[rows[name]])
        np.testing.assert_array_equal(part.digits, labelled.digits[rows[name]])
        assert part.names == list(map(str, rows[name]))


def test_split_of_sums_alone():
    labelled = labelled_noise(10)._replace(digits=None, names=None)
    part = split_images(labelled, 0.8, seed=0)["train"]
    assert part.digits is None and part.names is None
    assert len(part.images) == len(part.sums) == 8


def test_split_depends_on_seed_and_pixels_only():
    labelled = labelled_noise(50)
    rows = rows_of(split_images(labelled, 0.8, seed=0))
    assert rows == rows_of(split_images(labelled, 0.8, seed=0))
    assert rows != rows_of(split_images(labelled, 0.8, seed=1))
    backwards = LabelledImages(*(field[::-1] for field in labelled))
    again = rows_of(split_images(backwards, 0.8, seed=0))
    assert rows == {name: part[::-1] for name, part in again.items()}


def test_split_never_leaks_an_image():
    labelled = labelled_noise(30)
    # Every image two to four times over, under other labels.
    copies = np.tile(np.arange(30), 4)[:-17]
    repeated = LabelledImages(
        labelled.images[copies], None, np.arange(len(copies)), None
    )
    for seed in range(5):
        rows = rows_of(split_images(repeated, 0.5, seed))
        sources = [set(copies[part]) for part in rows.values()]
        assert [len(source) for source in sources] == [15, 8, 7]
        for first, second in itertools.combinations(sources, 2):
            assert first.isdisjoint(second)
        assert sum(map(len, rows.values())) == len(copies)
        assert set.union(*sources) == set(range(30))


@pytest.mark.parametrize(
    "count, fraction, sizes",
    [
        (3, 0.01, [1, 1, 1]),
        (3, 0.99, [1, 1, 1]),
        (6, 0.99, [4, 1, 1]),
        (5, 0.5, [2, 2, 1]),
    ],
)
def test_no_split_is_empty(count, fraction, sizes):
    parts = split_images(labelled_noise(count), fraction, seed=0)
    assert [len(part.sums) for part in parts.values()] == sizes


def test_too_few_images_to_split():
    labelled = labelled_noise(4)
    labelled.images[2:] = labelled.images[0]
    with pytest.raises(UserError) as caught:
        split_images(labelled, 0.8, seed=0)
    assert str(caught.value) == (
        "--images must hold at least 3 different images, to train, validate "
        "and test on. Received: 2"
    )


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 1.5, float("nan")])
def test_wrong_train_fraction(fraction):
    with pytest.raises(UserError, match="train_fraction must be between"):
        split_images(labelled_noise(4), fraction, seed=0)


def test_equal_images_with_different_labels_are_named(caplog):
    images = np.zeros((5, 40, 168), np.uint8)
    images[:, 0, 0] = [1, 2, 3, 2, 1]
    names = ["a.png", "b.png", "c.png", "d.png", "e.png"]
    digits = np.array([[1, 2, 3, 4]] * 5)
    sums = digits.sum(axis=1)
    split_images(LabelledImages(images, digits, sums, names), 0.5, 0)
    assert not caplog.text
    # The sum is the same, but not what an encoder learns.
    digits[3] = [4, 3, 2, 1]
    split_images(LabelledImages(images, digits, sums, names), 0.5, 0)
    assert "b.png and d.png are equal images with different labels" in caplog.text
    caplog.clear()
    split_images(LabelledImages(images, None, sums, None), 0.5, 0)
    assert not caplog.text
    split_images(LabelledImages(images, None, sums + [0, 0, 0, 0, 1], None), 0.5, 0)
    assert "image 0 and image 4 are equal" in caplog.text
