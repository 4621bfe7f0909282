"""Files of every kind come back as the canvas they show."""

import io

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tensorflow as tf
from picture_samples import drawn_canvas, encode, enlarged, read

from mnist_sum_tf.data import pictures
from mnist_sum_tf.data.pictures import canvas_from_bytes


@pytest.fixture(scope="module", name="canvas")
def draw_canvas():
    return drawn_canvas()


def similarity(first, second):
    """The best correlation over shifts: 1 where one is the other moved."""
    first, second = (np.fft.rfft2(x - x.mean()) / x.std() for x in (first, second))
    return np.fft.irfft2(first * second.conj()).max() / (40 * 168)


def photograph(ink, light, paper=(225, 220, 205), pen=(40, 50, 110)):
    """Ink (0 to 1) on paper under a light, with noise, as a JPEG."""
    ink = ink[..., np.newaxis]
    pixels = np.array(paper) * (1 - ink) + np.array(pen) * ink
    pixels = pixels * light[..., np.newaxis]
    pixels += np.random.default_rng(0).normal(0, 5, pixels.shape)
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    return encode(pixels, "JPEG", quality=85)


def page(canvas, height, width, top, left, times):
    """Ink of a canvas as drawn with a pen, somewhere on a page, 0 to 1."""
    image = PIL.Image.fromarray(canvas)
    size = (canvas.shape[1] * times, canvas.shape[0] * times)
    strokes = np.asarray(image.resize(size, PIL.Image.BICUBIC), float) / 255
    strokes = np.clip(4 * strokes - 1.5, 0, 1)
    result = np.zeros((height, width))
    result[top : top + size[1], left : left + size[0]] = strokes
    return result


def test_canvas_and_its_negative_come_back_pixel_for_pixel(canvas):
    np.testing.assert_array_equal(read(encode(canvas)), canvas)
    np.testing.assert_array_equal(read(encode(255 - canvas)), canvas)


def test_ink_at_the_edges_does_not_turn_a_canvas_over(canvas):
    moved = np.roll(canvas, (12, 60), (0, 1))
    np.testing.assert_array_equal(read(encode(moved)), moved)
    np.testing.assert_array_equal(read(encode(255 - moved)), moved)


def test_blank_canvases_are_black():
    for shade in (0, 255):
        blank = np.full((40, 168), shade, np.uint8)
        assert not read(encode(blank)).any()


def test_every_kind_of_file_gives_the_same_canvas(canvas):
    grey = PIL.Image.fromarray(canvas)
    sixteen = canvas.astype(np.uint16) * 257
    files = {
        "RGB": encode(grey.convert("RGB")),
        "palette": encode(grey.convert("P")),
        "16 bits": encode(sixteen),
        "alpha": encode(grey.convert("LA")),
        "colour and alpha": encode(grey.convert("RGBA")),
        "BMP": encode(grey.convert("RGB"), "BMP"),
        "grey BMP": encode(grey, "BMP"),
        "GIF": encode(grey, "GIF"),
    }
    for name, file in files.items():
        np.testing.assert_array_equal(read(file), canvas, name)
    jpeg = read(encode(canvas, "JPEG", quality=95))
    assert np.abs(jpeg.astype(int) - canvas).max() < 30


@pytest.mark.parametrize("times", [2, 9])
def test_an_enlarged_canvas_is_shrunk_again(canvas, times):
    large = enlarged(canvas, times)
    for pixels in (large, 255 - large):
        difference = read(encode(pixels)).astype(int) - canvas
        assert np.abs(difference).max() <= 1


def test_digits_of_the_right_size_keep_every_pixel(canvas):
    margins = np.pad(canvas, ((31, 70), (22, 44)))
    ink = np.trim_zeros(canvas.any(1)).size, np.trim_zeros(canvas.any(0)).size
    received = read(encode(255 - margins))
    assert similarity(received, canvas) > 0.9999
    assert np.trim_zeros(received.any(1)).size == ink[0]
    assert np.trim_zeros(received.any(0)).size == ink[1]


def test_small_ink_on_a_large_page_is_cropped_and_enlarged(canvas):
    ink = page(canvas, 1200, 900, 200, 100, 2)
    received = read(encode((255 * (1 - ink)).astype(np.uint8)))
    rows = np.flatnonzero((received > 127).any(1))
    assert 20 <= rows[-1] - rows[0] + 1 <= 26
    assert received.max() == 255
    assert similarity(received, canvas) > 0.85


def test_wide_ink_fits_without_distortion(canvas):
    strip = np.zeros((200, 2000), np.uint8)
    strip[86:114, 20:1980] = 255
    received = read(encode(strip))
    rows = np.flatnonzero((received > 127).any(1))
    columns = np.flatnonzero((received > 127).any(0))
    assert columns.size == pytest.approx(160, abs=8)
    assert rows.size == pytest.approx(columns.size * 28 / 1960, abs=1)


@pytest.mark.parametrize(
    ("size", "start", "end", "scale", "shift"),
    [
        # The whole picture's 0.4 makes the ink 12 high, 1 leaves it 240 wide: it is
        # made 160 wide. Its middle, (45, 200), becomes (30, 133.3).
        ((100, 400), (30, 80), (60, 320), 160 / 240, (-10, -49)),
        # As it is; by the whole picture's 2/3 it would be 20 high.
        ((60, 250), (10, 50), (40, 150), 1, (-5, -16)),
        # The whole picture, 40x150: the ink is 20 high.
        ((80, 300), (10, 20), (50, 220), 0.5, (0, 9)),
    ],
)
def test_ink_stays_as_it_is_or_the_picture_or_the_ink_is_fitted(
    size, start, end, scale, shift
):
    numbers = (tf.constant(each, tf.float32) for each in (size, start, end))
    received = pictures._placement(*numbers)
    assert received[0].numpy() == pytest.approx(scale)
    assert received[1].numpy().tolist() == list(shift)


def test_hairlines_become_strokes(canvas):
    thin = np.full((800, 1600), 255, np.uint8)
    for left in (200, 500, 800, 1100):
        thin[200:600, left : left + 3] = 0
    received = read(encode(thin))
    middle = received[received.shape[0] // 2] / 255
    assert middle.max() == 1
    assert middle.sum() / 4 == pytest.approx(2, abs=0.7)


LIGHT = np.linspace(1, 0.6, 600)[:, np.newaxis] * np.linspace(1, 0.4, 900)


@pytest.mark.parametrize(
    "light",
    [np.ones((600, 900)), LIGHT, LIGHT[::-1, ::-1]],
    ids=["even", "from a side", "from the other"],
)
@pytest.mark.parametrize(
    ("paper", "pen"),
    [
        ((225, 220, 205), (40, 50, 110)),
        ((40, 60, 50), (200, 205, 200)),
        ((225, 220, 205), (165, 163, 155)),
    ],
    ids=["ink", "chalk", "pencil"],
)
def test_photographs_become_clean(canvas, light, paper, pen):
    ink = page(canvas, 600, 900, 220, 30, 5)
    drawing = read(encode((255 * ink).astype(np.uint8)))
    received = read(photograph(ink, light, paper, pen))
    assert similarity(received, drawing) > 0.75
    assert received.max() > 240
    assert np.mean(received == 0) > 0.8


def test_the_table_under_the_paper_is_left_out(canvas):
    ink = page(canvas, 600, 900, 260, 280, 2)
    file = photograph(ink, LIGHT)
    photo = np.asarray(PIL.Image.open(io.BytesIO(file))).copy()
    card = np.zeros((600, 900), bool)
    card[200:400, 230:660] = True
    photo[~card] = (70, 50, 40)
    drawing = read(encode((255 * ink).astype(np.uint8)))
    received = read(encode(photo, "JPEG"))
    assert similarity(received, drawing) > 0.9
    assert np.mean(received == 0) > 0.8


def test_a_stroke_along_the_edge_is_ink():
    pixels = np.full((100, 400), 255, np.uint8)
    pixels[20:, 60:75] = 0
    pixels[65:, 150:225] = 0
    received = read(encode(pixels))
    rows = np.flatnonzero(received.any(1))
    last = received[rows[-1] - 1]
    # Both strokes reach the last row, undivided, the second 5 times as wide.
    widths = np.diff(np.flatnonzero(np.diff(np.pad(last > 127, 1))))[::2]
    assert widths.size == 2
    assert widths[1] / widths[0] == pytest.approx(5, abs=1)


def test_blank_paper_is_black():
    assert not read(photograph(np.zeros((600, 900)), LIGHT)).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (39, 168), (2, 5000)])
def test_any_size_is_answered(size):
    rng = np.random.default_rng(0)
    read(encode(rng.integers(0, 256, size, dtype=np.uint8)))
    assert not read(encode(np.full(size, 200, np.uint8))).any()


def test_same_inside_a_dataset(canvas):
    files = [encode(canvas), encode(enlarged(255 - canvas, 3))]
    dataset = tf.data.Dataset.from_tensor_slices(files).map(canvas_from_bytes)
    for file, mapped in zip(files, dataset.as_numpy_iterator()):
        np.testing.assert_array_equal(mapped[..., 0], read(file))
