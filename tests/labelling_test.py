"""From a trained reader and sums to labels."""

import json
import re
import shutil

import numpy as np
import pytest
from box_images import NUM_IMAGES, glyph, image_of, small, some_digits, write_pair
from PIL import Image

from mnist_sum_tf import config, labelling
from mnist_sum_tf.data import digits, image_splits, labelled_images, segments
from mnist_sum_tf.data.image_splits import take_rows
from mnist_sum_tf.reports import labelling_sheets
from mnist_sum_tf.reports.contact_sheets import draw_contact_sheet
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
    stages.train_cell_reader(small(pair), workdir)
    return workdir


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


def test_labels_of_a_reader_and_of_sums(
    workdir, pair, true_digits, width_reader, tmp_path
):
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
    labelled = labelled_images.read_png_folder(str(tmp_path / "out" / "images"))
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
    labelled = labelled_images.read_labelled_images(*pair)
    split = image_splits.split_images(labelled, 0.8, 0)
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
):
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
):
    shown = []
    monkeypatch.setattr(
        labelling_sheets, "write_contact_sheet", lambda *given: shown.append(given)
    )
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
        "100 labelled, 99.9\\d% sure on average; 0 less than 90% sure, left out",
        printed[1],
    )
    assert printed[2].endswith("all four in 99.00% of the images")


def test_too_few_are_reported(workdir, pair, width_reader, tmp_path):
    images, sums = (np.load(path)[:20] for path in pair)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", sums + (sums < 36))
    message = "at least 48 digits of the train part .* Received: 0"
    with pytest.raises(UserError, match=message):
        labelling.label_images(
            workdir,
            str(tmp_path / "x.npy"),
            str(tmp_path / "y.npy"),
            str(tmp_path / "out"),
            0.999,
        )
    assert not (tmp_path / "out").exists()


def test_mistakes_are_reported(workdir, pair, tmp_path):
    with pytest.raises(UserError, match="Received: 1.5"):
        labelling.label_images(workdir, *pair, str(tmp_path / "out"), 1.5)
    with pytest.raises(UserError, match="must hold a checkpoint"):
        labelling.label_images(tmp_path, *pair, str(tmp_path / "out"))
    broken = tmp_path / "broken"
    shutil.copytree(workdir, broken)
    for settings in (
        '{"seed": 0, "data": []}',
        '{"seed": 1e999, "data": {"train_fraction": 0.8}}',
        '{"seed": 0, "data": {"train_fraction": NaN}}',
    ):
        (broken / "cell_reader" / "config.json").write_text(settings)
        with pytest.raises(UserError, match="must name how the images were"):
            labelling.label_images(broken, *pair, str(tmp_path / "out"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    with pytest.raises(UserError, match="nothing is overwritten"):
        labelling.label_images(workdir, *pair, str(tmp_path / "full"), 0)


def test_other_images_than_those_learned_from_are_reported(
    workdir, pair, width_reader, tmp_path, caplog
):
    labelled = labelled_images.read_labelled_images(*pair)
    labelling.find_labels(labelled, workdir)
    assert "trained on other images" not in caplog.text
    labelling.find_labels(take_rows(labelled, np.arange(1, NUM_IMAGES)), workdir)
    assert "trained on other images" in caplog.text


def test_none_to_show_is_reported():
    with pytest.raises(UserError, match="Received: none of 3"):
        labelling_sheets.draw_cutting(np.zeros((3, 40, 168), np.uint8))


def test_the_cutting_is_shown(true_digits):
    images = np.stack([image_of(each) for each in true_digits[:3]])
    images[0, 10, :] = 255  # cannot be cut
    sheet = labelling_sheets.draw_cutting(images)
    apart = segments.set_apart(segments.cut_images(images).digits)
    deformed = segments.deformed_and_set_apart(
        segments.cut_images(images).digits, (0, 0)
    )
    white = np.full((2, 168), 255)
    expected = draw_contact_sheet(
        [
            np.concatenate([image, white, straight, white, other])
            for image, straight, other in zip(
                images[1:], apart[..., 0], deformed[..., 0]
            )
        ],
        2 * ["as it is; set apart; deformed"],
    )
    np.testing.assert_array_equal(np.asarray(sheet), np.asarray(expected))
