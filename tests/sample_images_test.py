"""Images for TensorBoard: what they say, and each step once."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.reports.contact_sheets import draw_contact_sheet
from mnist_sum_tf.training import sample_images


def read_as(sums, digits=None):
    """Outputs that are 80 % sure of these sums, and of these digits."""
    outputs = {"sum_probabilities": 0.8 * tf.one_hot(sums, 37)}
    if digits is not None:
        outputs["digit_probabilities"] = tf.one_hot(digits, 10)
    return outputs


def test_captions():
    labels = {
        "sum": np.array([10, 7]),
        "digits": np.array([[1, 2, 3, 4], [7, 0, 0, 0]]),
    }
    outputs = read_as([10, 1], [[1, 2, 3, 4], [1, 0, 0, 0]])
    assert sample_images.captions(labels, outputs) == [
        "read 1 2 3 4 = 10, 80%\ntrue 1 2 3 4 = 10",
        "read 1 0 0 0 = 1, 80%\nWRONG: true 7 0 0 0 = 7",
    ]
    assert sample_images.captions({"sum": np.array([9])}, read_as([9])) == [
        "read 9, 80%\ntrue 9"
    ]


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (10, 40, 168, 1), np.uint8)


@pytest.fixture
def data(images):
    sums = np.arange(10, dtype=np.int32)
    dataset = tf.data.Dataset.from_tensor_slices((images, {"sum": sums}))
    logits = tf.data.Dataset.from_tensors((tf.zeros([1, 4, 10]), {"sum": [0]}))
    return {"mine": dataset.batch(9), "no_images": logits}


def written(stage_dir):
    """(name, step, picture) of all that TensorBoard finds."""
    found = []
    for path in (stage_dir / "tensorboard" / "images").iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                png = tf.make_ndarray(value.tensor)[2]
                picture = tf.io.decode_png(png).numpy()
                found.append((value.tag, event.step, picture))
    return sorted(found, key=lambda each: each[:2])


def model(images, training):
    assert not training
    return read_as(tf.range(len(images)) + 1)


def test_the_first_images_and_what_was_read(tmp_path, data, images):
    sample_images.SampleImages(tmp_path, data, 0).add(6, model)
    ((name, step, picture),) = written(tmp_path)
    assert (name, step) == ("mine", 6)
    captions = [f"read {i + 1}, 80%\nWRONG: true {i}" for i in range(8)]
    expected = draw_contact_sheet(images[:8], captions)
    np.testing.assert_array_equal(picture, expected)


def test_a_resumed_run_shows_each_step_once(tmp_path, data):
    samples = sample_images.SampleImages(tmp_path, data, 0)
    for step in (6, 12, 12, 18):
        samples.add(step, model)
    assert [step for _, step, _ in written(tmp_path)] == [6, 12, 18]
    resumed = sample_images.SampleImages(tmp_path, data, 13)
    assert [step for _, step, _ in written(tmp_path)] == [6, 12]
    resumed.add(18, model)
    assert [step for _, step, _ in written(tmp_path)] == [6, 12, 18]


def test_a_stage_without_images_writes_none(tmp_path, data):
    del data["mine"]
    sample_images.SampleImages(tmp_path, data, 0).add(6, model)
    assert list(tmp_path.iterdir()) == []
