"""From image files to readings, and from mistakes to one clear line."""

import errno
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import PIL.Image
import preloaded
import pytest

from mnist_sum_tf import prediction
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving import export
from mnist_sum_tf.user_errors import UserError

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SCRIPT = REPOSITORY / "scripts" / "predict.py"


@pytest.fixture(scope="module")
def sum_model():
    return build_sum_model(build_encoder(base_channels=2), build_decoder())


@pytest.fixture(scope="module")
def versions_dir(sum_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "mnist_sum"
    export.export_model(sum_model, path)
    return path


@pytest.fixture(scope="module")
def model(versions_dir):
    return prediction.load_model(versions_dir)


@pytest.fixture
def canvases():
    rng = np.random.default_rng(0)
    canvases = np.zeros((5, 40, 168), np.uint8)
    canvases[:, 10:30, ::20] = rng.integers(100, 255, (5, 20, 9))
    return canvases


@pytest.fixture
def folder(canvases, tmp_path):
    """Five PNGs, and what is no image of a person."""
    path = tmp_path / "images"
    path.mkdir()
    for number, canvas in enumerate(canvases):
        PIL.Image.fromarray(canvas).save(path / f"{9 - number}.png")
    (path / "notes.txt").write_text("no image")
    (path / ".hidden.png").write_text("no image")
    return path


def expected_readings(sum_model, paths, canvases):
    answer = sum_model(canvases[..., np.newaxis])
    digits = np.argmax(answer["digit_probabilities"], -1)
    sums = np.argmax(answer["sum_probabilities"], -1)
    return [
        prediction.Reading(
            str(path),
            tuple(digits[i]),
            sums[i],
            pytest.approx(float(answer["sum_probabilities"][i, sums[i]]), 1e-4),
        )
        for i, path in enumerate(paths)
    ]


def test_a_pipe_in_a_folder_is_waited_for_by_nobody(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "image.png").touch()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = prediction.find_images([tmp_path])
    assert found == [str(tmp_path / name) for name in ("gone.png", "image.png")]


def test_a_probability_is_that_of_the_most_likely_sum_named():
    probabilities = np.zeros(37)
    probabilities[7:9] = 0.25, 0.5
    answer = {
        "digits": [1, 2, 3, 1],
        "sum_probabilities": probabilities,
        "most_likely_sum": np.int32(7),
    }
    reading = prediction.Reading.of_answer("a.png", answer)
    assert reading == ("a.png", (1, 2, 3, 1), 7, 0.25)


def test_readings_are_the_models(sum_model, model, folder, canvases):
    paths = [folder / f"{9 - number}.png" for number in range(5)]
    received = prediction.read_sums(paths, model)
    assert received == expected_readings(sum_model, paths, canvases)


def test_what_was_read_is_kept(model, folder, canvases, monkeypatch):
    """Not read again: a pipe is empty by then."""
    monkeypatch.setattr(prediction, "BATCH_SIZE", 2)
    (folder / "broken.png").write_bytes(b"\x89PNG")
    paths = [folder / name for name in ("9.png", "broken.png", "8.png", "7.png")]
    kept, errors = [], []
    readings = prediction.read_sums(paths, model, errors.append, kept.append)
    assert [os.path.basename(each.path) for each in readings] == [
        "9.png",
        "8.png",
        "7.png",
    ]
    assert len(errors) == 1
    np.testing.assert_array_equal(kept, canvases[:3, ..., np.newaxis])


def test_order_and_batches_do_not_matter(model, folder, monkeypatch):
    paths = sorted(folder.glob("[0-9].png"))
    whole = prediction.read_sums(paths, model)
    monkeypatch.setattr(prediction, "BATCH_SIZE", 2)
    in_twos = prediction.read_sums(paths[::-1], model)[::-1]
    monkeypatch.setattr(prediction, "BATCH_BYTES", 0)
    one_by_one = prediction.read_sums(paths, model)
    for other in (in_twos, one_by_one):
        assert [each[:3] for each in other] == [each[:3] for each in whole]
        for a, b in zip(other, whole):
            assert a.probability == pytest.approx(b.probability, abs=1e-5)


def test_a_folder_stands_for_its_images_by_name(folder, tmp_path):
    single = tmp_path / "single.png"
    single.touch()
    names = [str(folder / f"{number}.png") for number in range(5, 10)]
    assert prediction.find_images(str(single)) == [str(single)]
    found = prediction.find_images([single, folder, str(single)])
    assert found == [str(single), *names, str(single)]


def test_missing_images_are_named(folder, tmp_path):
    with pytest.raises(UserError, match=r"missing\.png: there is no such"):
        prediction.find_images([folder, tmp_path / "missing.png"])


def test_a_folder_without_images_is_named(tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".git").mkdir()
    with pytest.raises(UserError, match="Received: a folder without any$"):
        prediction.find_images([tmp_path])
    (tmp_path / "tiled").mkdir()
    (tmp_path / "tiled" / "0428.png").touch()
    with pytest.raises(UserError, match="any, but with folders, which are not se"):
        prediction.find_images([tmp_path])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_one_damaged_image_among_good_ones_is_named(model, folder, canvases, kind):
    path = folder / "7a.png"
    PIL.Image.fromarray(canvases[0]).save(path, kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 7 // 10])
    with pytest.raises(UserError) as raised:
        prediction.read_sums([folder], model)
    assert str(raised.value).startswith(f"{path}: expected a whole PNG")
    assert "\n" not in str(raised.value)


def test_damaged_images_are_left_out_where_that_is_asked_for(
    sum_model, model, folder, canvases
):
    whole = (folder / "7.png").read_bytes()
    (folder / "7a.png").write_bytes(whole[:-30])
    (folder / "4.png").write_text("no image")
    errors = []
    received = prediction.read_sums([folder], model, errors.append)
    paths = [folder / f"{number}.png" for number in range(5, 10)]
    assert received == expected_readings(sum_model, paths, canvases[::-1])
    named = [str(error).split(":")[0] for error in errors]
    assert named == [str(folder / "4.png"), str(folder / "7a.png")]


def test_of_damaged_images_alone_nothing_is_read(model, folder):
    for path in folder.glob("[0-9].png"):
        path.write_bytes(path.read_bytes()[:-30])
    errors = []
    assert prediction.read_sums([folder], model, errors.append) == []
    assert len(errors) == 5


def test_what_holds_no_digits_or_is_another_kind_is_named(folder, model):
    """A model would read digits in nothing, too."""
    PIL.Image.new("L", (300, 90), 255).save(folder / "6white.png")
    PIL.Image.new("L", (168, 40), 0).save(folder / "7black.png")
    PIL.Image.new("L", (168, 40), 9).save(folder / "8.webp")
    told = []
    found = prediction.read_sums([folder], model, told.append)
    assert [os.path.basename(each.path) for each in found] == [
        "5.png",
        "6.png",
        "7.png",
        "8.png",
        "9.png",
    ]
    blank = "expected digits. Received: a picture without ink"
    assert [str(error).split(f"{folder}/")[1] for error in told] == [
        "8.webp: expected a PNG, JPEG, GIF or BMP image. Received: a WEBP file",
        f"6white.png: {blank}",
        f"7black.png: {blank}",
    ]


def test_a_folder_that_cannot_be_read_is_left_out(folder, tmp_path, monkeypatch):
    """Permissions do not bind whoever runs tests as root, so: as if."""
    private = tmp_path / "private"
    private.mkdir()
    list_folder = os.listdir

    def refuse(path):
        if str(path) == str(private):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return list_folder(path)

    monkeypatch.setattr("os.listdir", refuse)
    told = []
    found = prediction.find_images([private, folder], told.append)
    assert [os.path.basename(path) for path in found] == [
        "5.png",
        "6.png",
        "7.png",
        "8.png",
        "9.png",
    ]
    assert [str(error) for error in told] == [
        f"{private}: the folder cannot be read. Received: Permission denied"
    ]


def test_the_script_prints_nothing_but_json(folder, versions_dir, tmp_path):
    sheet = tmp_path / "seen" / "sheet.png"  # in the folder for images, too
    result = subprocess.run(
        [
            sys.executable,
            SCRIPT,
            folder,
            "--json",
            f"--model={versions_dir}",
            f"--picture={sheet}",
            f"--output_dir={sheet.parent}",
        ],
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert result.returncode == 0, result.stderr
    readings = json.loads(result.stdout)
    assert [reading["path"] for reading in readings] == [
        str(folder / f"{number}.png") for number in range(5, 10)
    ]
    for reading in readings:
        assert list(reading) == ["path", "digits", "sum", "probability"]
        assert len(reading["digits"]) == 4
        assert 0 <= reading["sum"] <= 36 and 0 < reading["probability"] <= 1
    assert sheet.is_file()
    assert sorted(set(os.listdir(tmp_path / "seen")) - {"sheet.png"}) == sorted(
        "".join(map(str, reading["digits"])) + f"_{index:05}_{5 + index}.png"
        for index, reading in enumerate(readings)
    )


def test_the_script_names_what_it_cannot_read_and_reads_the_rest(folder, versions_dir):
    (folder / "8a.png").write_text("no image")
    whole = (folder / "5.png").read_bytes()
    (folder / "6a.png").write_bytes(whole[:-30])
    missing = folder / "missing.png"
    names = ["5.png", "6.png", "7.png", "8.png", "9.png"]
    if sys.platform == "linux":
        # As out of an old archive: a name that is no UTF-8.
        os.rename(folder / "9.png", os.fsencode(folder / "9") + b"\xe9.png")
        names[-1] = "9\\udce9.png"
    command = [SCRIPT, missing, folder, f"--model={versions_dir}"]
    result = preloaded.run(command, "/", timeout=300)
    assert result.returncode == 1
    read = [line.split()[0] for line in result.stdout.splitlines()]
    assert read == [str(folder / name) for name in names]
    for name in ("6a.png", "8a.png", "missing.png"):
        assert f"error: {folder / name}: " in result.stderr
    assert "Traceback" not in result.stderr
