import pathlib
import shutil
import signal

import numpy as np
import preloaded
import pytest
from PIL import Image

from mnist_sum_tf.data import composites, generation
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.data.labelled_images import read_npy_pair, read_png_folder
from mnist_sum_tf.data.new_folders import new_folder
from mnist_sum_tf.user_errors import UserError

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "BATCH_SIZE", 8)
        yield


def some_digits():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (40, 28, 28), np.uint8)
    return Digits(images, random.integers(0, 10, 40, np.uint8))


def generate(folder, num_images, file_format="png", layout="tiled", seed=3):
    generation.generate(
        some_digits(), layout, seed, num_images, file_format, str(folder)
    )


def read_arrays(folder):
    return [np.load(folder / f"{name}.npy") for name in ("images", "digits", "sums")]


def test_png_names_hold_digits_and_index(tmp_path):
    generate(tmp_path / "out", 20)
    labelled = read_png_folder(str(tmp_path / "out"))
    names = sorted(labelled.names, key=lambda name: name[5:])
    assert [name[4:] for name in names] == [f"_{index:05}.png" for index in range(20)]
    with Image.open(tmp_path / "out" / names[0]) as image:
        assert image.mode == "L" and image.size == (168, 40)
    # In the order of their index they are the very images of the arrays.
    generate(tmp_path / "npy", 20, "npy")
    images, digits, sums = read_arrays(tmp_path / "npy")
    order = np.argsort([name[5:] for name in labelled.names])
    np.testing.assert_array_equal(labelled.images[order], images)
    np.testing.assert_array_equal(labelled.digits[order], digits)
    np.testing.assert_array_equal(labelled.sums[order], sums)


def test_images_are_composites_of_the_layout(tmp_path):
    generate(tmp_path / "out", 8, "npy", layout="scattered")
    images, digits, sums = read_arrays(tmp_path / "out")
    assert images.dtype == np.uint8 and images.shape == (8, 40, 168)
    assert digits.dtype == sums.dtype == np.int32
    expected, expected_labels = composites.composite_batch(
        *some_digits(), "scattered", seed=3, step=0, batch_size=8
    )
    # The same images, in another order than the batch's.
    expected = expected[..., 0].numpy()
    rows = [
        np.flatnonzero((expected == image).all(axis=(1, 2))).item() for image in images
    ]
    assert sorted(rows) == list(range(8)) and rows != list(range(8))
    np.testing.assert_array_equal(digits, expected_labels["digits"].numpy()[rows])
    np.testing.assert_array_equal(sums, digits.sum(axis=1))


def test_npy_can_be_read_as_a_pair(tmp_path):
    generate(tmp_path / "out", 10, "npy")
    folder = tmp_path / "out"
    pair = read_npy_pair(str(folder / "images.npy"), str(folder / "sums.npy"))
    assert pair.images.shape == (10, 40, 168)


def test_fewer_images_are_the_first_of_more(tmp_path):
    generate(tmp_path / "more", 20, "npy")
    for count in (1, 8, 11):
        generate(tmp_path / str(count), count, "npy")
        for few, more in zip(
            read_arrays(tmp_path / str(count)), read_arrays(tmp_path / "more")
        ):
            np.testing.assert_array_equal(few, more[:count])


def test_another_seed_gives_other_images(tmp_path):
    generate(tmp_path / "3", 8, "npy", seed=3)
    generate(tmp_path / "4", 8, "npy", seed=4)
    images = [read_arrays(tmp_path / seed)[0] for seed in ("3", "4")]
    assert (images[0] != images[1]).any(axis=(1, 2)).all()


def test_index_has_room_for_every_image(tmp_path):
    batch = np.zeros((2, 40, 168), np.uint8), np.zeros((2, 4), np.int32)
    generation._write_pngs([batch], 100_001, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0000_000000.png",
        "0000_000001.png",
    ]


def test_existing_folder(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    generate(folder, 2, "npy")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError) as caught:
        generate(folder, 2, "npy", seed=4)
    assert str(caught.value) == (
        "--output_dir must be empty or not there yet; nothing is overwritten. "
        f"Received: {str(folder)!r}"
    )
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]
    with pytest.raises(UserError, match="--output_dir must be empty"):
        generate(folder / "images.npy", 2)
    with pytest.raises(UserError, match="--output_dir must be a folder that can"):
        generate(folder / "images.npy" / "out", 2)


@pytest.mark.parametrize("file_format", generation.FORMATS)
def test_more_than_the_disk_holds_is_refused_at_once(
    tmp_path, monkeypatch, file_format
):
    class Disk:
        free = 2047

    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk)
    with pytest.raises(UserError, match="--num_images must fit .* Received: 2, which"):
        generate(tmp_path / "new" / "out", 2, file_format)
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_written_within(tmp_path):
    """It may be a volume of its own, above which nothing may be written."""
    volume = tmp_path / "volume"
    volume.mkdir()
    with new_folder(str(volume)) as scratch:
        assert volume in scratch.parents
        assert list(tmp_path.iterdir()) == [volume]
        (scratch / "x").touch()
    assert [path.name for path in volume.iterdir()] == ["x"]


def test_a_folder_that_is_there_is_not_filled_in_part(tmp_path, monkeypatch):
    move = shutil.move

    def stop_at_the_third(path, goal):
        move(path, goal)
        if goal.name == "2":
            raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "move", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt), new_folder(str(tmp_path)) as scratch:
        (scratch / "0").mkdir()
        (scratch / "0" / "within").touch()
        for number in range(1, 5):
            (scratch / str(number)).touch()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_takes_away_what_was_begun(tmp_path, number):
    before = signal.signal(number, signal.SIG_DFL)  # which `nohup` may have changed
    try:
        with pytest.raises(SystemExit) as stop:
            with new_folder(str(tmp_path / "new")) as scratch:
                (scratch / "0").touch()
                signal.raise_signal(number)
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert stop.value.code == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(tmp_path):
    """As under `nohup`, whose programs outlive their terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with new_folder(str(tmp_path / "new")) as scratch:
            (scratch / "0").touch()
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["0"]


def test_what_keeps_a_folder_from_being_empty_is_named_where_it_is_hidden(tmp_path):
    (tmp_path / ".left").mkdir()
    message = f"Received: '{tmp_path}', which holds .left$"
    with pytest.raises(UserError, match=message), new_folder(str(tmp_path)):
        pass
    (tmp_path / "seen").touch()
    with pytest.raises(UserError, match=f"Received: '{tmp_path}'$"):
        with new_folder(str(tmp_path)):
            pass


def test_a_new_folder_may_have_the_longest_name(tmp_path):
    with new_folder(str(tmp_path / ("x" * 255))) as scratch:
        (scratch / "y").touch()
    assert (tmp_path / ("x" * 255) / "y").exists()


def test_new_folder_is_open_to_others(tmp_path):
    (tmp_path / "plain").mkdir()
    generate(tmp_path / "deep" / "out", 1)
    modes = [(tmp_path / path).stat().st_mode for path in ("plain", "deep/out")]
    assert modes[0] == modes[1]


def test_nothing_half_written_stays(tmp_path, monkeypatch):
    save = Image.Image.save

    def fail_at_the_fifth(image, path):
        if path.name.endswith("_00004.png"):
            raise OSError(28, "No space left on device")
        save(image, path)

    monkeypatch.setattr(Image.Image, "save", fail_at_the_fifth)
    with pytest.raises(UserError) as caught:
        generate(tmp_path / "out", 8)
    assert str(caught.value) == (
        "--output_dir must be a folder that can be written. "
        f"Received: {str(tmp_path / 'out')!r}: No space left on device"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"num_images": 0}, "--num_images must be at least 1. Received: 0"),
        ({"file_format": "jpg"}, "--format must be one of png, npy. Received: 'jpg'"),
        (
            {"layout": "spiral"},
            "--layout must be one of tiled, scattered, "
            "assignment, separate, cropped, mixed. Received: 'spiral'",
        ),
    ],
)
def test_wrong_arguments(tmp_path, changes, message):
    with pytest.raises(UserError) as caught:
        generate(tmp_path / "out", **({"num_images": 1} | changes))
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def test_script(tmp_path):
    flags = ["--layout=mixed", "--split=test", "--num_images=3"]
    script = ROOT / "scripts" / "generate_data.py"
    command = [script, *flags, f"--output_dir={tmp_path}/out"]
    ran = preloaded.run(command, ".", timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"Wrote 3 images to {tmp_path}/out\n"
    assert ran.stderr == ""  # no progress of what takes no time, in a log
    assert len(read_png_folder(str(tmp_path / "out")).names) == 3
