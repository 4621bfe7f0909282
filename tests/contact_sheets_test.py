"""Contact sheets show every canvas, pixel for pixel, and its caption."""

import os
import types

import numpy as np
import PIL.Image
import pytest

from mnist_sum_tf.reports import contact_sheets


@pytest.fixture
def canvases():
    rng = np.random.default_rng(0)
    return rng.integers(1, 255, (7, 40, 168, 1), dtype=np.uint8)


def draw(path, *args, **kwargs):
    contact_sheets.write_contact_sheet(*args, path, **kwargs)
    with PIL.Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image)


def count_on(sheet, canvas):
    """How often a canvas is on a sheet, found by its rows' first pixels."""
    large = canvas.reshape(40, 168).repeat(2, 0).repeat(2, 1)
    windows = np.lib.stride_tricks.sliding_window_view(sheet[..., 0], large.shape)
    matches = np.all(windows[:, :, ::9, ::9] == large[::9, ::9], axis=(2, 3))
    places = np.argwhere(matches)
    assert all((windows[row, column] == large).all() for row, column in places)
    return len(places)


@pytest.mark.parametrize("number", [1, 2, 7])
def test_every_canvas_is_on_the_sheet_once(canvases, tmp_path, number):
    captions = [f"caption {i}" for i in range(number)]
    sheet = draw(tmp_path / "sheet.png", canvases[:number], captions)
    for canvas in canvases[:number]:
        assert count_on(sheet, canvas) == 1


def test_captions_stand_under_their_canvas(canvases, tmp_path):
    with_caption = draw(tmp_path / "a.png", canvases[:1], ["first\nsecond"])
    without = draw(tmp_path / "b.png", canvases[:1], [" \n "])
    assert with_caption.shape == without.shape
    rows = np.flatnonzero((with_caption != without).any((1, 2)))
    canvas_end = contact_sheets.GAP + 1 + 80
    assert canvas_end < rows[0] < rows[-1] < with_caption.shape[0]
    assert np.diff(rows).max() > 1  # Two lines, with space between.


def test_all_cells_have_room_for_the_longest_caption(canvases):
    """A cell is 80 + 8 high and 24 more for each line; GAP is 20."""
    sheet = contact_sheets.draw_contact_sheet(canvases[:2], ["one", "two\nlines"])
    assert sheet.size == (20 + 338 + 20, 20 + 2 * (136 + 20))
    pixels = np.asarray(sheet)
    above, below = pixels[132:156], pixels[288:312]  # the cells' second lines
    assert (above == 255).all() and (below < 255).any()


@pytest.mark.parametrize(
    ("number", "columns", "rows"),
    [(1, 1, 1), (2, 1, 2), (8, 2, 4), (9, 2, 5), (13, 3, 5)],
)
def test_there_are_as_many_rows_as_are_needed(number, columns, rows):
    canvases = np.zeros((number, 40, 168), np.uint8)
    sheet = contact_sheets.draw_contact_sheet(canvases, ["x"] * number)
    assert sheet.size == (20 + columns * (338 + 20), 20 + rows * (112 + 20))


def test_a_long_caption_keeps_its_ends_and_stays_in_its_cell(canvases, tmp_path):
    caption = "a" * 20 + "M" * 400 + "z" * 20
    sheet = draw(tmp_path / "sheet.png", canvases[:1], [caption])
    assert sheet.shape[1] == 2 * contact_sheets.GAP + 2 * 168 + 2
    assert (sheet[:, -contact_sheets.GAP :] == 255).all()
    font = contact_sheets._font(contact_sheets.CAPTION_SIZE)
    short = contact_sheets._shortened(caption, font, 300)
    assert short.startswith("aaa") and short.endswith("zzz") and "…" in short
    assert font.getlength(short) <= 300


@pytest.mark.parametrize(
    ("width", "shown"),
    [(10, "abcdefghij"), (9, "abcd…ghij"), (8, "abc…ghij"), (3, "a…j"), (2, "…")],
)
def test_a_line_loses_as_little_of_its_middle_as_it_must(width, shown):
    font = types.SimpleNamespace(getlength=len)  # every letter is 1 wide
    assert contact_sheets._shortened("abcdefghij", font, width) == shown


def test_a_long_title_widens_the_sheet(canvases):
    title = "M" * 50
    sheet = contact_sheets.draw_contact_sheet(canvases[:1], [""], title)
    font = contact_sheets._font(contact_sheets.TITLE_SIZE)
    assert sheet.width == 20 + np.ceil(font.getlength(title)) + 20 > 1000
    pixels = np.asarray(sheet)
    assert (pixels[:, -20:] == 255).all() and (pixels[:, -30:-20] < 255).any()


def test_a_title_is_added_above(canvases, tmp_path):
    plain = draw(tmp_path / "a.png", canvases[:2], ["", ""])
    titled = draw(tmp_path / "b.png", canvases[:2], ["", ""], title="A title")
    added = titled.shape[0] - plain.shape[0]
    assert added > 0
    np.testing.assert_array_equal(titled[added + 20 :], plain[20:])
    assert (titled[:added] < 255).any()


def test_a_hundred_images_make_a_sheet_about_as_wide_as_high(tmp_path):
    canvases = np.zeros((100, 40, 168), np.uint8)
    sheet = draw(tmp_path / "sheet.png", canvases, ["name\nreading"] * 100)
    assert 0.8 < sheet.shape[1] / sheet.shape[0] < 1.6


def test_only_the_sheet_is_left_and_others_may_read_it(canvases, tmp_path):
    path = tmp_path / "new" / "sheet.png"
    for _ in range(2):
        contact_sheets.write_contact_sheet(canvases, ["x"] * 7, path)
    assert [entry.name for entry in path.parent.iterdir()] == ["sheet.png"]
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_nothing_is_left_of_a_sheet_that_failed(
    failing, canvases, tmp_path, monkeypatch
):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="disk full"):
        contact_sheets.write_contact_sheet(canvases, ["x"] * 7, tmp_path / "sheet.png")
    assert list(tmp_path.iterdir()) == []


def test_one_caption_for_each_canvas(canvases, tmp_path):
    with pytest.raises(ValueError, match="Received: 7 canvases, 2 captions"):
        contact_sheets.write_contact_sheet(canvases, ["a", "b"], tmp_path / "sheet.png")
    with pytest.raises(ValueError, match="Received: 0 canvases, 0 captions"):
        contact_sheets.write_contact_sheet([], [], tmp_path / "sheet.png")
