"""From images with sums to a trained cell reader."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from box_images import image_of, small, some_digits, write_pair
from PIL import Image

from mnist_sum_tf.data import digits, image_splits, segments
from mnist_sum_tf.data.labelled_images import read_labelled_images
from mnist_sum_tf.training import stages, trained_models
from mnist_sum_tf.user_errors import UserError


@pytest.fixture(scope="module")
def true_digits():
    return some_digits()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return write_pair(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, pair):
    workdir = tmp_path_factory.mktemp("experiment")
    row = stages.train_cell_reader(small(pair), workdir)
    assert row["step"] == 2 and np.isfinite(row["loss"])
    assert "validation/sum_accuracy" in row
    assert "validation/digit_accuracy" not in row
    return workdir


def test_it_is_taught_sums_alone(tmp_path, true_digits):
    for row, each in enumerate(true_digits[:40]):
        name = "".join(map(str, each)) + f"_{row}.png"
        Image.fromarray(image_of(each)).save(tmp_path / name)
    task = stages.cell_reader_task(small((str(tmp_path), None)))
    (_, taught), (_, evaluated) = (
        dataset.element_spec
        for dataset in (task.train_data(0), task.validation_data["validation"])
    )
    assert taught.keys() == {"sum"}
    assert evaluated.keys() == {"sum", "digits"}  # known here, so used in evaluations
    images, labels = next(iter(task.validation_data["validation"]))
    assert (labels["digits"].numpy().sum(axis=1) == labels["sum"].numpy()).all()
    first = np.zeros((40, 42), np.uint8)
    width = 2 + int(labels["digits"][0, 0])
    left = 7 + (28 - width) // 2
    first[10:30, left : left + width] = 250
    np.testing.assert_array_equal(images[0, :, :42, 0], first)


def test_it_is_validated_on_images_set_apart(pair):
    settings = small(pair)
    data = dataclasses.replace(settings.data, train_fraction=0.5)
    task = stages.cell_reader_task(dataclasses.replace(settings, data=data))
    parts = image_splits.split_images(read_labelled_images(*pair), 0.5, settings.seed)
    _, cut = segments.cut_images(parts["validation"].images)
    ((images, _),) = task.validation_data["validation"]
    np.testing.assert_array_equal(images, segments.set_apart(cut))


def test_a_run_that_was_stopped_ends_in_the_same_weights(pair, tmp_path):
    def weights(folder):
        model = trained_models.load_cell_reader(folder / "cell_reader")
        return model.get_weights()

    settings = dataclasses.replace(small(pair), total_steps=4)
    stages.train_cell_reader(settings, tmp_path)
    whole = weights(tmp_path)
    for path in (tmp_path / "cell_reader" / "checkpoints").glob("ckpt-4.*"):
        path.unlink()
    assert any((left != right).any() for left, right in zip(weights(tmp_path), whole))
    stages.train_cell_reader(settings, tmp_path)
    for left, right in zip(weights(tmp_path), whole):
        np.testing.assert_array_equal(left, right)


def test_images_that_cannot_be_cut_are_reported(tmp_path):
    np.save(
        tmp_path / "x.npy",
        np.arange(10, dtype=np.uint8)[:, None, None]
        + np.full((10, 40, 168), 60, np.uint8),
    )
    np.save(tmp_path / "y.npy", np.arange(10))
    settings = small((str(tmp_path / "x.npy"), str(tmp_path / "y.npy")))
    with pytest.raises(UserError, match="none among 8 training images"):
        stages.train_cell_reader(settings, tmp_path)


def test_it_needs_images(tmp_path):
    with pytest.raises(UserError, match="Received: neither"):
        stages.train_cell_reader(small((None, None)), tmp_path)


def test_it_learns_ten_shapes_from_sums(tmp_path):
    """One digit of each kind, deformed another way each time; none is ever named."""
    mnist = digits.load_digits()
    kinds = [np.flatnonzero(mnist.labels == digit)[3] for digit in range(10)]
    true_digits = np.random.default_rng(1).integers(0, 10, (400, 4))
    images = segments.set_apart(mnist.images[kinds][true_digits])
    np.save(tmp_path / "x.npy", images[..., 0])
    np.save(tmp_path / "y.npy", true_digits.sum(axis=1))
    settings = dataclasses.replace(
        small((str(tmp_path / "x.npy"), str(tmp_path / "y.npy"))),
        # As many as four seeds needed on two processors; after 160 not all had learned.
        total_steps=320,
        global_batch_size=16,
        evaluate_every_steps=320,
        checkpoint_every_steps=320,
    )
    row = stages.train_cell_reader(settings, tmp_path)
    assert row["validation/sum_accuracy"] > 0.9
    reader = trained_models.load_cell_reader(tmp_path / "cell_reader")
    read = reader(images[:100])["digit_probabilities"].numpy().argmax(axis=-1)
    assert (read == true_digits[:100]).mean() > 0.95


def test_average_is_what_labels(workdir):
    """What is loaded is the average of the weights, not the last ones."""
    reader = trained_models.load_cell_reader(workdir / "cell_reader")
    kernel = reader.get_layer("digit_reader").get_layer("hidden").kernel
    path = tf.train.latest_checkpoint(workdir / "cell_reader" / "checkpoints")
    stored = {
        name.split("/")[0]: tf.train.load_variable(path, name)
        for name, shape in tf.train.list_variables(path)
        if shape == kernel.shape
        and name.startswith(("average/", "optimizer/_trainable_variables/"))
    }
    np.testing.assert_array_equal(kernel.numpy(), stored["average"])
    assert (stored["average"] != stored["optimizer"]).any()  # the last ones
