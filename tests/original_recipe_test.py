"""The original's recipe, from its images to its tables, small."""

import dataclasses
import json

import numpy as np
import pytest

from mnist_sum_tf import original_recipe, original_tables
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.data.labelled_images import read_png_folder
from mnist_sum_tf.data.original_images import write_original_images
from mnist_sum_tf.presets import ORIGINAL_EPOCHS
from mnist_sum_tf.user_errors import UserError

FEW = {"scattered": 24, "tiled": 16}


@pytest.fixture(scope="module")
def digits_file(tmp_path_factory):
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(
        path,
        x_train=rng.integers(0, 256, (240, 28, 28), dtype=np.uint8),
        y_train=(np.arange(240) % 10).astype(np.uint8),
        x_test=rng.integers(0, 256, (40, 28, 28), dtype=np.uint8),
        y_test=(np.arange(40) % 10).astype(np.uint8),
    )
    return str(path)


def test_images_are_named_by_their_digits(tmp_path, digit_images, digit_labels):
    digits = Digits(digit_images, digit_labels)
    folder = tmp_path / "images"
    write_original_images(folder, digits, 0, FEW)
    found = read_png_folder(str(folder))
    assert len(found.names) == 40 == len(set(found.names))
    scattered = [name for name in found.names if name.startswith("scattered/")]
    assert len(scattered) == 24
    row = found.names.index(scattered[0])
    assert scattered[0] == "scattered/{}{}{}{}.png".format(*found.digits[row])
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
    before = [path.stat().st_mtime_ns for path in folder.rglob("*.png")]
    write_original_images(folder, digits, 0, FEW)
    assert before == [path.stat().st_mtime_ns for path in folder.rglob("*.png")]
    relabelled = Digits(digit_images, digit_labels[::-1])
    for others in ((digits, 1, FEW), (relabelled, 0, FEW), (digits, 0, {"tiled": 4})):
        with pytest.raises(UserError, match="take another --workdir. Received: "):
            write_original_images(folder, *others)
    (folder / "made_from.json").write_text("{")
    with pytest.raises(UserError, match="made_from.json must say what"):
        write_original_images(folder, digits, 0, FEW)
    (folder / "made_from.json").unlink()  # as folders of before it was written
    write_original_images(folder, digits, 1, FEW)
    assert before == [path.stat().st_mtime_ns for path in folder.rglob("*.png")]


def test_a_repeated_number_overwrites(tmp_path):
    digits = Digits(
        np.full((40, 28, 28), 200, np.uint8),
        np.repeat([1, 2], 20).astype(np.uint8),
    )
    write_original_images(tmp_path / "images", digits, 0, {"tiled": 16})
    names = sorted(path.name for path in (tmp_path / "images").rglob("*.png"))
    assert names[0] == "1111.png" and len(names) == 16


def test_too_few_digits_for_so_many_numbers(tmp_path):
    digits = Digits(np.full((40, 28, 28), 200, np.uint8), np.arange(40) % 2)
    with pytest.raises(UserError, match="Received: 2 different digits, .* make 16$"):
        write_original_images(tmp_path / "images", digits, 0, {"tiled": 17})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"layouts": ("tiled", "diagonal")}, "--layouts must .*Received: 'diagonal'"),
        ({"layouts": ()}, "--layouts must name at least one .*Received: none"),
        ({"precision": "foo"}, "--precision must be one of .*Received: 'foo'"),
    ],
)
def test_wrong_settings_are_reported_before_anything_is_done(tmp_path, given, message):
    recipe = original_recipe.Recipe(**given)
    with pytest.raises(UserError, match=message):
        original_recipe.reproduce(recipe, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("stage", ["encoder", "decoder"])
def test_both_halves_are_needed_before_anything_is_done(tmp_path, stage):
    epochs = {"encoder": 1, "decoder": 1, "sum_model": 1} | {stage: 0}
    recipe = original_recipe.Recipe(epochs=epochs)
    with pytest.raises(UserError, match=f"--{stage}_epochs must be .* Received: 0"):
        original_recipe.reproduce(recipe, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_recipe_and_its_tables(tmp_path, digits_file):
    recipe = original_recipe.Recipe(
        epochs={"encoder": 1, "decoder": 2, "sum_model": 1},
        precision="float32",
        digits=digits_file,
        base_channels=1,
        num_images=FEW,
        layouts=("tiled",),
    )
    report = original_recipe.reproduce(recipe, tmp_path)
    assert report["images"] == {"train": 36, "test": 4}
    assert [row["step"] for row in report["encoder"]] == [3]
    assert report["encoder"][0]["learning_rate"] == pytest.approx(1e-5)
    losses = report["decoder"]["epoch_losses"]
    assert len(losses) == 2 and np.isfinite(losses).all()
    assert list(report["decoder"]["error_by_sum"]) == list(range(5, 30))
    assert len(report["decoder"]["samples"]) == 4
    assert report["evaluation"].keys() == {"its own 10 %", "tiled"}
    assert report["evaluation"]["tiled"]["num_images"] == 10
    written = json.loads((tmp_path / "reproduction.json").read_text())
    assert written["decoder"]["epoch_losses"] == losses
    text = original_tables.format_report(report)
    assert "36 images to train on, 4 to test on" in text
    assert "Actual" in text and "5:" in text and "29:" in text
    for stage, done in (("encoder", 1), ("decoder", 2)):
        more = dataclasses.replace(recipe, epochs=recipe.epochs | {stage: 3})
        with pytest.raises(UserError, match=f"--{stage}_epochs must stay {done} .* 3$"):
            original_recipe.reproduce(more, tmp_path)


def test_the_preset_is_the_described_recipe(tmp_path):
    recipe = original_recipe.Recipe()
    settings = {
        stage: original_recipe.settings_of(stage, recipe, tmp_path)
        for stage in ORIGINAL_EPOCHS
    }
    assert settings["encoder"].total_steps == 621 * 157
    assert settings["decoder"].total_steps == 25 * 157
    assert settings["sum_model"].total_steps == 700 * 157
    assert not settings["sum_model"].train_encoder
    for one in settings.values():
        assert one.global_batch_size == 16
        assert one.data.train_fraction == 0.9
        assert one.model.base_channels == 64
