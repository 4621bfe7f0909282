"""Single images and all that is said about them; the pictures of it."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from mnist_sum_tf import answers, inspection
from mnist_sum_tf.data.pictures import canvas_from_bytes
from mnist_sum_tf.reports import curves, files, readings
from mnist_sum_tf.reports.contact_sheets import draw_contact_sheet
from mnist_sum_tf.user_errors import UserError


def model(images):
    """Always reads 1 2 3 4 for sure, and the sum 10 with 75 %."""
    number = len(images)
    sums = np.zeros(37, np.float32)
    sums[10:12] = 0.75, 0.25
    return {
        "digit_probabilities": tf.one_hot([[1, 2, 3, 4]] * number, 10),
        "sum_probabilities": tf.constant([sums] * number),
        "sum": tf.fill([number], 10.25),
    }


def inspected(confidence=0.75, true_digits=None):
    sums = np.zeros(37)
    sums[10], sums[11] = confidence, 1 - confidence
    return inspection.Inspected(
        "name",
        np.full((40, 168), 7, np.uint8),
        true_digits,
        np.eye(10)[[1, 2, 3, 4]],
        sums,
        10.25,
    )


def test_composites_know_their_digits():
    first, second = inspection.inspect_composites(model, "tiled", 2)
    assert first.name == "tiled" and first.image.shape == (40, 168)
    assert len(first.true_digits) == 4
    assert (first.sum, first.confidence, first.decoder_sum) == (10, 0.75, 10.25)
    assert (first.image != second.image).any()


def test_files_are_made_fit(tmp_path):
    pixels = np.zeros((20, 84), np.uint8)
    pixels[5:15, 10:70] = 255
    PIL.Image.fromarray(pixels).save(tmp_path / "mine.png")
    (tmp_path / "mine.png").rename(tmp_path / "mine\n.png")
    (found,) = inspection.inspect_files(model, [tmp_path])
    assert found.name == "mine\\n.png" and found.true_digits is None
    canvas = canvas_from_bytes((tmp_path / "mine\n.png").read_bytes())
    np.testing.assert_array_equal(found.image, canvas[..., 0])


def test_many_files_are_read_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "BATCH_SIZE", 2)
    pixels = np.zeros((20, 84), np.uint8)
    pixels[5:15, 10:70] = 255
    for number in range(5):
        PIL.Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    found = inspection.inspect_files(model, [tmp_path])
    assert [each.name for each in found] == [f"{number}.png" for number in range(5)]
    assert inspection.inspect_files(model, []) == []


def test_what_cannot_be_read_is_named_and_left_out(tmp_path, caplog):
    pixels = np.zeros((20, 84), np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "blank.png")
    (tmp_path / "junk.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="blank.png: .*a picture without ink"):
        inspection.inspect_files(model, [tmp_path])
    pixels[5:15, 10:70] = 255
    PIL.Image.fromarray(pixels).save(tmp_path / "good.png")
    found = inspection.inspect_files(model, [tmp_path])
    assert [each.name for each in found] == ["good.png"]
    first, second = (record.getMessage() for record in caplog.records)
    assert "blank.png: " in first and "junk.png: expected a PNG" in second


def test_what_is_said():
    assert str(inspected()) == "name\nread 1 2 3 4 = 10, 75.0%"
    assert str(inspected(true_digits=(1, 2, 3, 5))).splitlines()[2] == (
        "true 1 2 3 5 = 11"
    )


def test_the_least_sure_come_first():
    given = [inspected(c) for c in (0.9, 0.6, 0.8)]
    found = inspection.least_sure(given, 2)
    assert [each.confidence for each in found] == [0.6, 0.8]


def test_the_picture_of_an_image():
    top, *places, below = readings.draw_reading(inspected()).axes
    np.testing.assert_array_equal(top.images[0].get_array(), np.full((40, 168), 7))
    for digit, axes in zip((1, 2, 3, 4), places):
        heights = [bar.get_height() for bar in axes.patches]
        assert heights == [float(i == digit) for i in range(10)]
    heights = [bar.get_height() for bar in below.patches]
    assert len(heights) == 37 and heights[10:12] == [0.75, 0.25]
    assert below.get_xlabel() == "Sum (the decoder says 10.25)"
    assert top.get_title("left") == "name\nread 1 2 3 4 = 10, 75.0%"


def test_a_long_name_leaves_what_was_read_its_room():
    given = inspected(true_digits=(1, 2, 3, 4))._replace(name="M" * 90 + ".jpg")
    figure = readings.draw_reading(given)
    title = figure.axes[0].get_title("left")
    assert title == (f"…{'M' * 40}.jpg\nread 1 2 3 4 = 10, 75.0%   true 1 2 3 4 = 10")


def test_sheets():
    given = [inspected(0.9), inspected(0.8)]
    expected = draw_contact_sheet(
        [each.image for each in given], [str(each) for each in given]
    )
    assert readings.sheet_of(given).tobytes() == expected.tobytes()
    worst = answers.WorstImage(
        "tiled", given[0].image, None, 4, (0, 0, 0, 5), 5, 0.8, 0.1
    )
    expected = draw_contact_sheet(
        [worst.image], ["read 0 0 0 5 = 5, 80.0%\ntrue 4, 10.0%\ntiled"]
    )
    sheet = readings.sheet_of_worst([worst] * 3, 1)
    assert sheet.tobytes() == expected.tobytes()


def test_notebooks_get_a_png():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    png = files.Shown(PIL.Image.fromarray(pixels))._repr_png_()
    assert png == files.Shown(pixels)._repr_png_()
    shown = PIL.Image.open(io.BytesIO(png))
    np.testing.assert_array_equal(np.asarray(shown), pixels)


def test_training_curves():
    rows = [
        {"step": 5, "loss": 3.0, "a/rounded_sum_accuracy": 0.75},
        {"step": 10, "loss": 2.0, "a/sum_accuracy": 0.25, "a/sum_nll": 1.0},
        {"step": 20, "loss": 1.0, "a/sum_accuracy": 0.5},
    ]
    figure = curves.training_curves(rows)
    above, below = figure.axes
    (loss,), (accuracy,) = above.lines, below.lines
    assert loss.get_xydata().tolist() == [[5, 3], [10, 2], [20, 1]]
    assert accuracy.get_xydata().tolist() == [[10, 0.25], [20, 0.5]]
    assert accuracy.get_label() == "a"
    png = files.Shown(figure)._repr_png_()
    assert png == files.figure_png(figure)


def test_accuracies_end_at_a_hundred_and_one_loss_is_a_dot():
    figure = curves.training_curves(
        [{"step": 5, "loss": 3.0}, {"step": 5, "validation/sum_accuracy": 1.0}]
    )
    above, below = figure.axes
    assert above.lines[0].get_marker() == "o"
    assert below.get_ylim()[1] == pytest.approx(1.005)


def test_curves_before_any_evaluation():
    figure = curves.training_curves([{"step": 5, "loss": 3.0}])
    assert len(figure.axes[1].lines) == 0
    assert files.figure_png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("number", [0, 1])
def test_least_sure_of_few(number):
    assert len(inspection.least_sure([inspected()] * number, 3)) == number
