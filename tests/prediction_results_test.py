"""What was read, for a terminal, as a picture, and as images to learn from."""

import os

import numpy as np
import PIL.Image
import pytest

from mnist_sum_tf import prediction, prediction_results
from mnist_sum_tf.data.labelled_images import read_png_folder
from mnist_sum_tf.data.new_folders import check_new_folder
from mnist_sum_tf.data.picture_headers import read_picture
from mnist_sum_tf.data.pictures import canvas_of
from mnist_sum_tf.user_errors import UserError


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    canvas = np.zeros((40, 168), np.uint8)
    canvas[10:30, ::20] = np.arange(55, 255, 10)[:, np.newaxis]
    for number in range(5, 10):
        PIL.Image.fromarray(canvas // (number - 4)).save(path / f"{number}.png")
    return path


@pytest.fixture
def drawn(monkeypatch):
    """The arguments of each contact sheet, none of which is written."""
    sheets = []
    monkeypatch.setattr(
        prediction_results.reports,
        "write_contact_sheet",
        lambda *arguments: sheets.append(arguments),
    )
    return sheets


def canvases_of(readings):
    return [canvas_of(each.path, read_picture(each.path)) for each in readings]


def read(images):
    """In place of a model: sure of four ones in each image."""
    probabilities = np.tile(np.eye(37)[4], (len(images), 1))
    return {
        "digits": np.ones((len(images), 4), int),
        "sum_probabilities": probabilities,
        "most_likely_sum": probabilities.argmax(-1),
    }


def test_the_status_says_whether_all_was_read(folder, monkeypatch, capsys):
    monkeypatch.setattr(prediction_results, "load_model", lambda path: read)
    settings = prediction_results.PredictionConfig("model")
    paths = [str(folder / "5.png"), str(folder / "6.png")]
    assert prediction_results.predict_and_report(paths, settings) is True
    (folder / "6.png").write_bytes(b"broken")
    capsys.readouterr()
    assert prediction_results.predict_and_report(paths, settings) is False
    printed, told = capsys.readouterr()
    assert printed == f"{paths[0]}   1 1 1 1   sum 4   100.0%\n"
    assert told.startswith(f"error: {paths[1]}: ")


def test_what_was_read_before_an_interrupt_is_printed(folder, monkeypatch, capsys):
    def read_once(images, batches=[]):
        if batches:
            raise KeyboardInterrupt
        batches.append(images)
        return read(images)

    monkeypatch.setattr(prediction, "BATCH_SIZE", 2)
    monkeypatch.setattr(prediction_results, "load_model", lambda path: read_once)
    with pytest.raises(KeyboardInterrupt):
        prediction_results.predict_and_report(
            [str(folder)], prediction_results.PredictionConfig("model")
        )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        str(folder / "5.png"),
        str(folder / "6.png"),
    ]


def test_links_are_written_to_their_target(folder, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "new")
    check_new_folder(str(tmp_path / "link"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "sheet.png").symlink_to(tmp_path / "folder" / "sheet.png")
    prediction_results.check_picture(str(tmp_path / "sheet.png"), [str(folder)])
    assert not list((tmp_path / "folder").iterdir())


def test_a_full_output_folder_is_refused_before_a_model_is_loaded(folder):
    settings = prediction_results.PredictionConfig("none", output_dir=str(folder))
    with pytest.raises(UserError, match="--output_dir must be empty"):
        prediction_results.predict_and_report([str(folder)], settings)


def test_lines_show_path_digits_sum_and_probability():
    readings = [
        prediction.Reading("a.png", (0, 4, 2, 8), 14, 0.9984),
        prediction.Reading("longer.png", (9, 9, 9, 9), 36, 0.5),
    ]
    assert prediction_results.format_readings(readings).splitlines() == [
        "a.png        0 4 2 8   sum 14   99.8%",
        "longer.png   9 9 9 9   sum 36   50.0%",
    ]
    name = "a\nb\t\x1b\x9b\u2028 \u202fé.png"
    broken = [prediction.Reading(name, (0, 4, 2, 8), 14, 0.9984)]
    line = prediction_results.format_readings(broken)
    assert line == (r"a\nb\t\x1b\x9b\u2028" " \u202fé.png   0 4 2 8   sum 14   99.8%")


def test_readings_are_drawn(folder, drawn, tmp_path, monkeypatch):
    readings = [
        prediction.Reading(str(folder / f"{i}.png"), (1, 2, 3, 4), 10, 0.5)
        for i in range(5, 10)
    ]
    monkeypatch.setattr(prediction_results, "MAX_DRAWN", 2)
    prediction_results.draw_readings(
        readings, canvases_of(readings), tmp_path / "sheet.png"
    )
    ((canvases, captions, path, title),) = drawn
    assert len(canvases) == 2
    for canvas, expected in zip(canvases, canvases_of(readings)):
        np.testing.assert_array_equal(canvas, expected)
    assert captions[0] == "5.png\n1 2 3 4   sum 10   50.0%"
    assert path == tmp_path / "sheet.png"
    assert title == "The first 2 of 5 images"


def test_as_many_as_are_drawn_have_no_title(folder, drawn, tmp_path, monkeypatch):
    reading = prediction.Reading(str(folder / "5.png"), (1, 2, 3, 4), 10, 0.5)
    monkeypatch.setattr(prediction_results, "MAX_DRAWN", 2)
    prediction_results.draw_readings(
        [reading] * 2, canvases_of([reading] * 2), tmp_path / "sheet.png"
    )
    assert drawn[0][3] is None


def test_a_caption_is_one_line(folder, drawn, tmp_path):
    (folder / "5.png").rename(folder / "5\n.png")
    reading = prediction.Reading(str(folder / "5\n.png"), (1, 2, 3, 4), 10, 0.5)
    prediction_results.draw_readings(
        [reading], canvases_of([reading]), tmp_path / "sheet.png"
    )
    assert drawn[0][1] == ["5\\n.png\n1 2 3 4   sum 10   50.0%"]


def test_a_picture_takes_the_place_of_no_image_that_is_read(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("in/a.png", "out.png"):
        (tmp_path / name).touch()
    check = prediction_results.check_picture
    for picture, paths in (
        ("out.png", ["in"]),
        ("new.PNG", ["in", "nowhere.png"]),
        ("in/new.png", ["in"]),
    ):
        check(str(tmp_path / picture), [str(tmp_path / path) for path in paths])
    for picture, paths, received in (
        ("in/a.png", ["in"], "in/a.png, which is an image to be read"),
        ("out.png", ["in", "in/../out.png"], "out.png, which is an image to be read"),
        ("in", ["out.png"], "in"),
        ("new.jpg", ["in"], "new.jpg"),
    ):
        with pytest.raises(UserError, match=f"must be a .png file .*/{received}$"):
            check(str(tmp_path / picture), [str(tmp_path / path) for path in paths])


def test_nor_of_one_in_the_folder_it_is_run_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").touch()
    with pytest.raises(UserError, match="a.png, which is an image to be read$"):
        prediction_results.check_picture("a.png", ["."])


def test_a_picture_that_cannot_be_written_is_named(folder, tmp_path):
    reading = prediction.Reading(str(folder / "5.png"), (1, 2, 3, 4), 10, 0.5)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--picture must be .* Received: "):
        prediction_results.draw_readings(
            [reading], canvases_of([reading]), tmp_path / "file" / "sheet.png"
        )


def test_what_was_read_can_be_learned_from(folder, tmp_path):
    readings = [
        prediction.Reading(str(folder / "9.png"), (0, 4, 2, 8), 14, 0.9),
        prediction.Reading(str(folder / "5.png"), (1, 2, 3, 4), 10, 0.5),
    ]
    canvases = canvases_of(readings)
    prediction_results.write_canvases(readings, canvases, str(tmp_path / "mine"))
    labelled = read_png_folder(str(tmp_path / "mine"))
    assert labelled.names == ["0428_00000_9.png", "1234_00001_5.png"]
    assert labelled.digits.tolist() == [[0, 4, 2, 8], [1, 2, 3, 4]]
    for image, seen in zip(labelled.images, canvases):
        np.testing.assert_array_equal(image, seen[..., 0])
    with pytest.raises(UserError, match="--output_dir must be empty"):
        prediction_results.write_canvases(readings, canvases, str(tmp_path / "mine"))


def test_a_long_name_is_cut(folder, tmp_path):
    path = folder / ("年" * 80 + ".png")  # three bytes each, of 255 that a name has
    (folder / "5.png").rename(path)
    reading = prediction.Reading(str(path), (1, 2, 3, 4), 10, 0.5)
    prediction_results.write_canvases(
        [reading], canvases_of([reading]), str(tmp_path / "mine")
    )
    (name,) = os.listdir(tmp_path / "mine")
    assert name == "1234_00000_" + "年" * 33 + ".png"  # no third of a letter


def test_canvases_are_written_all_or_none(folder, tmp_path, monkeypatch):
    readings = [
        prediction.Reading(str(folder / f"{number}.png"), (1, 2, 3, 4), 10, 0.5)
        for number in (5, 6)
    ]
    save = PIL.Image.Image.save

    def save_one(image, path):
        if "_00001_" in path.name:
            raise OSError(28, "No space left on device")
        save(image, path)

    canvases = canvases_of(readings)
    monkeypatch.setattr(PIL.Image.Image, "save", save_one)
    with pytest.raises(UserError, match="--output_dir must be .*No space left"):
        prediction_results.write_canvases(readings, canvases, str(tmp_path / "mine"))
    assert os.listdir(tmp_path) == ["images"]
