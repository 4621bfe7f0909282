"""From images with sums to a reader, and from there to labels."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from mnist_sum_tf import config, labelling
from mnist_sum_tf.data import datasets, digits, segments
from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.reports.contact_sheets import draw_contact_sheet
from mnist_sum_tf.training import stages, trained_models

NUM_IMAGES = 100


def glyph(digit):
    """A box whose width tells the digit; uint8 `[20, 2 + digit]`."""
    return np.full((20, 2 + digit), 250, np.uint8)


def image_of(four_digits, gap=10):
    image = np.zeros((40, 168), np.uint8)
    for slot, digit in enumerate(four_digits):
        piece = glyph(digit)
        left = 5 + slot * (12 + gap)
        image[8 + slot : 28 + slot, left : left + piece.shape[1]] = piece
    return image


@pytest.fixture(scope="module")
def true_digits():
    return np.random.default_rng(0).integers(0, 10, (NUM_IMAGES, 4))


@pytest.fixture(scope="module")
def pair(tmp_path_factory, true_digits):
    """An `.npy` of images, the last of which cannot be cut, and that of sums."""
    folder = tmp_path_factory.mktemp("images")
    images = np.stack([image_of(each) for each in true_digits])
    images[-1, 10, :] = 255
    np.save(folder / "images.npy", images)
    np.save(folder / "sums.npy", true_digits.sum(axis=1))
    return str(folder / "images.npy"), str(folder / "sums.npy")


def small(pair, **changes):
    preset = get_preset("compact", "cell_reader")
    return dataclasses.replace(
        preset, total_steps=2, global_batch_size=4, precision="float32",
        checkpoint_every_steps=2, evaluate_every_steps=2,
        data=dataclasses.replace(preset.data, images=pair[0], sums=pair[1]),
        **changes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, pair):
    workdir = tmp_path_factory.mktemp("experiment")
    row = stages.train_cell_reader(small(pair), workdir)
    assert row["step"] == 2 and np.isfinite(row["loss"])
    assert "validation/sum_accuracy" in row
    assert "validation/digit_accuracy" not in row
    return workdir


# The reader


def test_it_is_taught_sums_alone(tmp_path, true_digits):
    for row, each in enumerate(true_digits[:40]):
        name = "".join(map(str, each)) + f"_{row}.png"
        Image.fromarray(image_of(each)).save(tmp_path / name)
    task = stages.cell_reader_task(small((str(tmp_path), None)))
    (_, taught), (_, judged) = (
        dataset.element_spec
        for dataset in (task.train_data(0), task.validation_data["validation"])
    )
    assert taught.keys() == {"sum"}
    assert judged.keys() == {"sum", "digits"}  # known here, so judged by
    images, labels = next(iter(task.validation_data["validation"]))
    assert (labels["digits"].numpy().sum(axis=1) == labels["sum"].numpy()).all()
    first = np.zeros((40, 42), np.uint8)
    width = 2 + int(labels["digits"][0, 0])
    left = 7 + (28 - width) // 2
    first[10:30, left : left + width] = 250
    np.testing.assert_array_equal(images[0, :, :42, 0], first)


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


def test_images_that_cannot_be_cut_are_told(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(10, dtype=np.uint8)[:, None, None]
            + np.full((10, 40, 168), 60, np.uint8))  # fmt: skip
    np.save(tmp_path / "y.npy", np.arange(10))
    settings = small((str(tmp_path / "x.npy"), str(tmp_path / "y.npy")))
    with pytest.raises(config.UserError, match="none among 8 training images"):
        stages.train_cell_reader(settings, tmp_path)


def test_it_needs_images(tmp_path):
    with pytest.raises(config.UserError, match="Received: neither"):
        stages.train_cell_reader(small((None, None)), tmp_path)


def test_it_learns_ten_shapes_from_sums(tmp_path):
    """One digit of each kind, bent another way each time; none is ever named."""
    mnist = digits.load_digits()
    kinds = [np.flatnonzero(mnist.labels == digit)[3] for digit in range(10)]
    true_digits = np.random.default_rng(1).integers(0, 10, (400, 4))
    images = segments.set_apart(mnist.images[kinds][true_digits])
    np.save(tmp_path / "x.npy", images[..., 0])
    np.save(tmp_path / "y.npy", true_digits.sum(axis=1))
    settings = dataclasses.replace(
        small((str(tmp_path / "x.npy"), str(tmp_path / "y.npy"))),
        total_steps=240, global_batch_size=16, evaluate_every_steps=240,
    )  # fmt: skip
    row = stages.train_cell_reader(settings, tmp_path)
    assert row["validation/sum_accuracy"] > 0.9
    reader = trained_models.load_cell_reader(tmp_path / "cell_reader")
    read = reader(images[:100])["digit_probabilities"].numpy().argmax(axis=-1)
    assert (read == true_digits[:100]).mean() > 0.95


# Labels


class WidthReader:
    """Reads the widths of boxes; takes a 9 for a 4 or a 9 alike."""

    def predict_on_batch(self, images):
        cells = (images[..., 0] > 0).any(axis=1).reshape(-1, 4, 42)
        read = cells.sum(axis=-1) - 2
        probabilities = np.eye(10, dtype=np.float32)[read]
        probabilities[read == 9] = 0.5 * (np.eye(10)[4] + np.eye(10)[9])
        return {"digit_probabilities": probabilities}


@pytest.fixture
def width_reader(monkeypatch):
    monkeypatch.setattr(
        trained_models, "load_cell_reader", lambda stage_dir: WidthReader()
    )


def test_labels_of_a_reader_and_of_sums(workdir, pair, true_digits, width_reader, tmp_path):
    summary = labelling.label_images(workdir, *pair, str(tmp_path / "out"), 0.75)
    assert summary["images"] == NUM_IMAGES and summary["cut"] == NUM_IMAGES - 1
    # With one 9, or four of them, the sum tells it; or 2 or 3 of 4 might be 4s,
    # all of which would change the sum.
    assert summary["labelled"] == NUM_IMAGES - 1
    assert summary["mean_confidence"] == pytest.approx(1, abs=2e-3)
    assert summary["min_confidence"] == 0.75
    assert "digits_right" not in summary
    written = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert written == summary
    names = sorted(path.name for path in (tmp_path / "out" / "images").iterdir())
    assert names == sorted(
        "".join(map(str, each)) + f"_{row:05}.png"
        for row, each in enumerate(true_digits[:-1])
    )
    labelled = datasets.read_png_folder(str(tmp_path / "out" / "images"))
    for name, image, four in zip(labelled.names, labelled.images, labelled.digits):
        row = int(name[5:10])
        np.testing.assert_array_equal(four, true_digits[row])
        np.testing.assert_array_equal(image, image_of(four))


def test_single_digits_for_composites(workdir, pair, width_reader, tmp_path):
    labelling.label_images(workdir, *pair, str(tmp_path / "out"))
    path = str(tmp_path / "out" / "digits.npz")
    parts = [digits.load_digits(path, split) for split in config.SPLITS]
    for part in parts:
        for image, label in zip(part.images, part.labels):
            np.testing.assert_array_equal(image, segments.centered(glyph(label)))
    # Of validation images a twelfth of all is left; tested on are digits of images
    # that the reader never saw.
    labelled = datasets.read_labelled_images(*pair)
    split = datasets.split_images(labelled, 0.8, 0)
    cut = [
        segments.cut_images(split[name].images).digits.reshape(-1, 28, 28)
        for name in config.SPLITS
    ]
    assert [len(each) for each in cut] in ([316, 40, 40], [320, 36, 40], [320, 40, 36])
    held_out = cut[1][: len(cut[0]) // 44 * 4]
    rest = len(cut[0]) + len(held_out) - len(parts[1].images)
    np.testing.assert_array_equal(parts[0].images, cut[0][:rest])
    np.testing.assert_array_equal(
        parts[1].images, np.concatenate([cut[0][rest:], held_out])
    )
    assert 0 <= len(cut[0]) - rest < 4
    np.testing.assert_array_equal(parts[2].images, cut[2])


def test_unsure_labels_are_left_out(workdir, width_reader, tmp_path):
    """9 + 4 or 4 + 9: the sum does not tell which."""
    four_digits = [[number, 9, 4, 1] for number in range(9)] * 4
    images = np.stack([image_of(each) for each in four_digits])
    images[:, 8, 5] = np.arange(200, 236)  # all different
    doubtful = image_of([0, 9, 9, 0])
    np.save(tmp_path / "x.npy", np.concatenate([images, doubtful[np.newaxis]]))
    np.save(tmp_path / "y.npy", [sum(each) for each in four_digits] + [13])
    pair = str(tmp_path / "x.npy"), str(tmp_path / "y.npy")
    summary = labelling.label_images(workdir, *pair, str(tmp_path / "out"), 0.6)
    assert (summary["cut"], summary["labelled"]) == (37, 36)
    summary = labelling.label_images(workdir, *pair, str(tmp_path / "all"), 0.49)
    assert summary["labelled"] == 37
    assert summary["mean_confidence"] == pytest.approx((36 + 0.5) / 37, abs=2e-3)


def test_sums_that_are_wrong_label_nothing(
    workdir, pair, true_digits, width_reader, tmp_path
):  # fmt: skip
    wrong = true_digits.sum(axis=1)
    wrong[:7] = np.where(wrong[:7] > 18, wrong[:7] - 2, wrong[:7] + 2)
    np.save(tmp_path / "y.npy", wrong)
    summary = labelling.label_images(
        workdir, pair[0], str(tmp_path / "y.npy"), str(tmp_path / "out")
    )
    assert (summary["cut"], summary["labelled"]) == (NUM_IMAGES - 1, NUM_IMAGES - 8)
    printed = labelling.format_summary(summary).splitlines()
    assert printed[1].endswith("7 less than 90% sure, left out")


def test_the_least_sure_are_shown_first(
    workdir, pair, true_digits, width_reader, monkeypatch, tmp_path
):  # fmt: skip
    shown = []
    monkeypatch.setattr(labelling, "contact_sheet", lambda *given: shown.append(given))
    wrong = true_digits.sum(axis=1)
    wrong[7] += 1 if wrong[7] < 36 else -1
    np.save(tmp_path / "y.npy", wrong)
    labelling.label_images(
        workdir, pair[0], str(tmp_path / "y.npy"), str(tmp_path / "out"), 0.0
    )
    [(images, captions, path)] = shown
    assert len(images) == len(captions) == 20 and path.name == "labels.png"
    np.testing.assert_array_equal(images[0], image_of(true_digits[7]))
    assert captions[0].endswith(f"= {wrong[7]}\n0.0% sure")
    sure = [float(caption.split()[-2].rstrip("%")) for caption in captions[:10]]
    assert sure == sorted(sure) and sure[1] > 40


def test_known_digits_are_compared_with(workdir, width_reader, tmp_path, true_digits):
    folder = tmp_path / "pngs"
    folder.mkdir()
    for row, each in enumerate(true_digits):
        name = "".join(map(str, each)) + f"_{row}.png"
        drawn = each if row else each[::-1]  # the first one's name is wrong
        Image.fromarray(image_of(drawn)).save(folder / name)
    summary = labelling.label_images(workdir, str(folder), None, str(tmp_path / "out"))
    wrong = (true_digits[0] != true_digits[0, ::-1]).sum()
    assert wrong
    assert summary["images_right"] == pytest.approx(1 - 1 / NUM_IMAGES)
    assert summary["digits_right"] == pytest.approx(1 - wrong / (4 * NUM_IMAGES))
    printed = labelling.format_summary(summary).splitlines()
    assert printed[0] == "100 images, 100 of them (100.0%) fall into four digits"
    assert re.fullmatch(
        "100 labelled, 99.9\\d% sure on average; 0 less than 90% sure, left out", printed[1]
    )
    assert printed[2].endswith("all four in 99.00% of the images")


def test_too_few_are_told(workdir, pair, width_reader, tmp_path):
    images, sums = (np.load(path)[:20] for path in pair)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", sums + (sums < 36))
    message = "at least 48 digits of the train part .* Received: 0"
    with pytest.raises(config.UserError, match=message):
        labelling.label_images(
            workdir, str(tmp_path / "x.npy"), str(tmp_path / "y.npy"),
            str(tmp_path / "out"), 1.0,
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_mistakes_are_told(workdir, pair, tmp_path):
    with pytest.raises(config.UserError, match="Received: 1.5"):
        labelling.label_images(workdir, *pair, str(tmp_path / "out"), 1.5)
    with pytest.raises(config.UserError, match="must hold a checkpoint"):
        labelling.label_images(tmp_path, *pair, str(tmp_path / "out"))
    broken = tmp_path / "broken"
    shutil.copytree(workdir, broken)
    for settings in (
        '{"seed": 0, "data": []}',
        '{"seed": 1e999, "data": {"train_fraction": 0.8}}',
        '{"seed": 0, "data": {"train_fraction": NaN}}',
    ):
        (broken / "cell_reader" / "config.json").write_text(settings)
        with pytest.raises(config.UserError, match="must name how the images were"):
            labelling.label_images(broken, *pair, str(tmp_path / "out"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(config.UserError, match="nothing is overwritten"):
        labelling.label_images(workdir, *pair, str(tmp_path / "full"), 0)


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


def test_none_to_show_is_told():
    with pytest.raises(config.UserError, match="Received: none of 3"):
        labelling.draw_cutting(np.zeros((3, 40, 168), np.uint8))


def test_the_cutting_is_shown(true_digits):
    images = np.stack([image_of(each) for each in true_digits[:3]])
    images[0, 10, :] = 255  # cannot be cut
    sheet = labelling.draw_cutting(images)
    apart = segments.set_apart(segments.cut_images(images).digits)
    bent = segments.bent_and_set_apart(segments.cut_images(images).digits, (0, 0))
    white = np.full((2, 168), 255)
    expected = draw_contact_sheet(
        [
            np.concatenate([image, white, straight, white, other])
            for image, straight, other in zip(images[1:], apart[..., 0], bent[..., 0])
        ],
        2 * ["as it is; set apart; bent"],
    )
    np.testing.assert_array_equal(np.asarray(sheet), np.asarray(expected))
