"""Made-up photographs look as their scene says, the same each time."""

import io

import numpy as np
import PIL.Image
import pytest

from mnist_sum_tf.data import photographs
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.user_errors import UserError


@pytest.mark.parametrize("name", photographs.SCENES)
def test_ink_is_of_the_pens_colour_on_the_papers(name, digit_images):
    scene = photographs.SCENES[name]._replace(darkest=1.0, grain=0.0)
    bright = np.where(digit_images[:4] > 0, 255, 0).astype(np.uint8)
    pixels = np.asarray(photographs.photograph(bright, scene, 1))
    assert pixels.shape == (*scene.size, 3) and pixels.dtype == np.uint8
    middle = pixels[scene.size[0] // 3 : scene.size[0] * 2 // 3]
    for colour in (scene.paper, scene.pen):
        assert (middle == np.array(colour, np.uint8)).all(-1).any()
    if scene.table:
        assert pixels[0, 0].tolist() == list(scene.table)


def test_light_falls_off_and_grain_is_what_it_says(digit_images):
    blank = np.zeros_like(digit_images[:4])
    scene = photographs.Scene(
        (300, 300), (200, 200, 200), (0, 0, 0), 50, darkest=0.5, grain=4
    )
    pixels = np.asarray(photographs.photograph(blank, scene, 0), float)
    corners = [
        pixels[:20, :20],
        pixels[:20, -20:],
        pixels[-20:, :20],
        pixels[-20:, -20:],
    ]
    means = sorted(corner.mean() for corner in corners)
    assert means[0] == pytest.approx(100, abs=8)
    assert means[-1] == pytest.approx(200, abs=8)
    assert corners[0].std() == pytest.approx(4, abs=2)


def test_each_scene_is_written_and_named(digit_images, digit_labels, tmp_path):
    digits = Digits(digit_images, digit_labels)
    paths = photographs.write_photographs(digits, 5, tmp_path / "photos")
    assert len(paths) == len(photographs.SCENES)
    for path, name in zip(paths, photographs.SCENES):
        label, scene = path.rsplit("/", 1)[1].rsplit(".", 1)[0].split("_")
        assert scene == name and len(label) == 4 and label.isdigit()
        with PIL.Image.open(path) as image:
            assert image.format == ("PNG" if name == "drawing" else "JPEG")
            assert image.size[::-1] == photographs.SCENES[name].size
    again = photographs.write_photographs(digits, 5, tmp_path / "again")
    for first, second in zip(paths, again):
        assert open(first, "rb").read() == open(second, "rb").read()


def test_a_folder_that_cannot_be_made(digit_images, digit_labels, tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(UserError, match="--output_dir must be .* Received: .*taken"):
        photographs.write_photographs(
            Digits(digit_images, digit_labels), 5, tmp_path / "taken"
        )


def test_files_hold_the_picture():
    image = PIL.Image.fromarray(np.full((4, 6, 3), 90, np.uint8))
    file = photographs.encode_photograph(image, "PNG")
    opened = PIL.Image.open(io.BytesIO(file))
    np.testing.assert_array_equal(np.asarray(opened), np.asarray(image))
