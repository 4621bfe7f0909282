"""Pictures of any size, whose sums stand in a table."""

import numpy as np
import pytest
from own_images import save_png
from PIL import Image

from mnist_sum_tf.data.image_splits import split_images
from mnist_sum_tf.data.labelled_images import read_labelled_images
from mnist_sum_tf.data.pictures import canvas_of
from mnist_sum_tf.user_errors import UserError


@pytest.fixture
def folder(tmp_path):
    """A canvas as models see it, the same dark on light, a photograph, and more."""
    canvas = np.zeros((40, 168), np.uint8)
    canvas[10:30, 50:60] = np.arange(10) + 200
    save_png(tmp_path / "pictures" / "canvas.png", canvas)
    save_png(tmp_path / "pictures" / "more, dark.png", 255 - canvas)
    photograph = np.full((300, 900, 3), 220, np.uint8)
    photograph[90:210, 200:220] = 30
    Image.fromarray(photograph).save(tmp_path / "pictures" / "photo.jpg")
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    return tmp_path


def table(folder, content, encoding="utf-8"):
    path = folder / "sums.csv"
    path.write_text(content, encoding=encoding)
    return str(folder / "pictures"), str(path)


def test_what_the_table_names_is_read_in_its_order(folder):
    given = table(folder, 'photo.jpg,17\n"more, dark.png", 3\ncanvas.png,36\n')
    labelled = read_labelled_images(*given)
    assert labelled.names == ["photo.jpg", "more, dark.png", "canvas.png"]
    assert labelled.sums.tolist() == [17, 3, 36]
    assert labelled.sums.dtype == np.int32 and labelled.digits is None
    canvas = np.zeros((40, 168), np.uint8)
    canvas[10:30, 50:60] = np.arange(10) + 200
    np.testing.assert_array_equal(labelled.images[1], canvas)
    np.testing.assert_array_equal(labelled.images[2], canvas)
    photograph = (folder / "pictures" / "photo.jpg").read_bytes()
    seen = canvas_of("photo.jpg", photograph)[..., 0]
    np.testing.assert_array_equal(labelled.images[0], seen)


def test_names_of_screenshots_have_narrow_spaces(folder):
    name = "Screenshot at 3.04.05\u202fPM.png"
    (folder / "pictures" / "canvas.png").rename(folder / "pictures" / name)
    labelled = read_labelled_images(*table(folder, f"{name},5\n"))
    assert labelled.names == [name] and labelled.sums.tolist() == [5]


def test_pictures_that_are_not_there_are_reported_before_any_is_read(folder):
    (folder / "pictures" / "photo.jpg").write_bytes(b"junk")
    given = table(folder, "photo.jpg,1\nnope.png,2\nneither.png,3\n")
    with pytest.raises(UserError, match="Received: 2 that are not there, .*nope.png"):
        read_labelled_images(*given)


def test_pictures_without_a_sum_are_counted(folder, caplog):
    caplog.set_level("INFO")
    read_labelled_images(*table(folder, "canvas.png,1\n./photo.jpg,2\n"))
    assert "1 of 3 pictures in" in caplog.text and "are skipped" in caplog.text


@pytest.mark.parametrize(
    "content, encoding",
    [
        ("image,sum\r\ncanvas.png,5\r\n\r\n", "utf-8"),
        ("canvas.png,5", "utf-8-sig"),
        (" image , sum \n canvas.png , 05 \n,\n", "utf-8-sig"),
        ("\n\nimage,sum\ncanvas.png,5", "utf-8"),
        ("Image,SUM\ncanvas.png,5\n", "utf-8"),
        ("Image;Sum\ncanvas.png;5\n", "utf-8-sig"),
        ("canvas.png\t5\n", "utf-8"),
        ("canvas.png,\t5\t\n", "utf-8"),
        ("image,sum\t\ncanvas.png,5\n", "utf-8"),
        ("image,sum\rcanvas.png,5\r", "utf-8"),
        ('"canvas.png";"5"\n', "utf-8"),
    ],
)
def test_heading_byte_mark_and_blank_lines(folder, content, encoding):
    labelled = read_labelled_images(*table(folder, content, encoding))
    assert labelled.names == ["canvas.png"] and labelled.sums.tolist() == [5]


@pytest.mark.parametrize(
    "content, expected",
    [
        ("", "lines such as photo.jpg,17. Received: a file without any"),
        ("image,sum\n", "Received: a file without any"),
        ("canvas.png\n", "Received: 'canvas.png' in line 1"),
        ("canvas.png 5\n", "Received: 'canvas.png 5' in line 1"),
        ("canvas.png,5;\n", "Received: '5;' in line 1"),
        ("image,sum\ncanvas.png,1,2\n", "Received: 'canvas.png,1,2' in line 2"),
        (",5\n", "Received: ',5' in line 1"),
        ("canvas.png,37\n", "whole numbers 0 to 36. Received: '37' in line 1"),
        ("canvas.png,-1\n", "Received: '-1' in line 1"),
        ("canvas.png,5.0\n", "Received: '5.0' in line 1"),
        ("canvas.png,²\n", "Received: '²' in line 1"),
        ("canvas.png," + "9" * 5000, "Received: '9"),
        ("canvas.png," + "0" * 5000 + "7", "Received: '00"),
        ("canvas.png,5\nimage,sum\n", "0 to 36. Received: 'sum' in line 2"),
        ("can\0vas.png,5\n", "in line 1"),
        ("canvas.png,\n", "Received: '' in line 1"),
        ("canvas.png,5\n\ncanvas.png,5\n", "'canvas.png' again in line 3"),
        ("./canvas.png,5\ncanvas.png,5\n", "'canvas.png' again in line 2"),
        ('"canvas.png,5\n', "unexpected end of data"),
        ("gone.png,5\n", "Received: 1 that are not there, the first "),
        (
            "file,sum\ncanvas.png,5\n",
            "0 to 36, under the heading image,sum or none. Received: 'sum' in line 1",
        ),
        ("notes.txt,5\n", "notes.txt: expected a PNG, JPEG, GIF or BMP image"),
    ],
)
def test_what_is_wrong_is_named(folder, content, expected):
    with pytest.raises(UserError) as error:
        read_labelled_images(*table(folder, content))
    assert expected in str(error.value)


def test_no_text_no_file_no_ink(folder):
    images, sums = table(folder, "grüße.png,5\n", "latin-1")
    with pytest.raises(
        UserError, match="sums.csv must be a CSV.*text that is not UTF-8"
    ):
        read_labelled_images(images, sums)
    with pytest.raises(UserError, match="gone.csv must .* Received: no such file"):
        read_labelled_images(images, str(folder / "gone.csv"))
    save_png(folder / "pictures" / "blank.png", np.zeros((50, 90), np.uint8))
    with pytest.raises(UserError, match="blank.png: .* a picture without ink"):
        read_labelled_images(*table(folder, "blank.png,0\n"))


def test_a_name_may_hold_what_separates_columns_elsewhere(folder):
    labelled = read_labelled_images(*table(folder, "more, dark.png;5\n"))
    assert labelled.names == ["more, dark.png"]
    labelled = read_labelled_images(*table(folder, '"more, dark.png",5\n'))
    assert labelled.names == ["more, dark.png"]


def test_all_pictures_that_cannot_be_read_are_counted(folder):
    pictures = folder / "pictures"
    (pictures / "a.jpg").write_bytes(b"\0\0\0 ftypheic")
    (pictures / "photo.jpg").write_bytes((pictures / "photo.jpg").read_bytes()[:-900])
    given = table(folder, "a.jpg,1\ncanvas.png,2\nphoto.jpg,3\nnotes.txt,3\n")
    with pytest.raises(UserError) as error:
        read_labelled_images(*given)
    expected = "expected a PNG, JPEG, GIF or BMP image. Received: a"
    assert str(error.value) == (
        f"--sums={given[1]} must name pictures that can be read. Received: 3 that "
        f"cannot: {pictures}/a.jpg: {expected} HEIC or AVIF file; "
        f"{pictures}/photo.jpg: expected a whole PNG, JPEG, GIF or BMP image. Received: "
        "one that is cut off, damaged or of an unusual kind; "
        f"{pictures}/notes.txt: {expected} file that is no image, or one without pixels"
    )


def test_tables_stand_beside_folders_alone(folder):
    images, sums = table(folder, "canvas.png,5\n")
    np.save(folder / "images.npy", np.zeros((1, 40, 168), np.uint8))
    for given in (
        (str(folder / "images.npy"), sums),
        (images, str(folder / "sums.npy")),
        (images + "_gone", sums),
    ):
        with pytest.raises(
            UserError, match="--sums must be a .csv file beside a folder"
        ):
            read_labelled_images(*given)


def test_equal_pictures_are_found_by_name(folder, caplog):
    save_png(folder / "pictures" / "third.png", np.eye(40, 168, dtype=np.uint8) * 255)
    lines = "canvas.png,5\nphoto.jpg,17\nmore\\, dark.png,3\nthird.png,1\n"
    given = table(folder, lines.replace("more\\, dark.png", '"more, dark.png"'))
    split_images(read_labelled_images(*given), 0.8, seed=0)
    assert "canvas.png and more, dark.png are equal images" in caplog.text
