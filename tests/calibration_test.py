"""Temperatures worked by hand, and what they are fitted to."""

import json
import math

import numpy as np
import pytest

from mnist_sum_tf import calibration, config
from mnist_sum_tf.data import datasets, image_splits, labelled_images
from mnist_sum_tf.data.digits import Digits, digest_of
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.user_errors import UserError


@pytest.fixture
def overconfident():
    """Four images: 0 or 1 in the first place, said to be 0 with 90 %, and three
    sure zeros. Their sums: three times 0, once 1."""
    logits = np.full((4, 4, 10), -1e4, np.float32)
    logits[:, :, 0] = 0
    logits[:, 0, :2] = 2 * math.log(3), 0
    return logits, np.array([0, 0, 1, 0])


def test_the_least_of_a_function():
    assert calibration.minimize(lambda x: (x - 1.3) ** 2, -5, 5) == pytest.approx(
        1.3, abs=1e-3
    )
    # The nearest of the first grid, -1.25, lies above.
    assert calibration.minimize(lambda x: (x + 1.3) ** 2, -5, 5) == pytest.approx(
        -1.3, abs=1e-3
    )
    assert calibration.minimize(lambda x: x, 2, 3) == pytest.approx(2, abs=1e-3)
    assert calibration.minimize(lambda x: -x, 2, 3) == pytest.approx(3, abs=1e-3)


def test_a_temperature_makes_three_of_four_three_quarters(overconfident):
    # At 1 the odds are 9 : 1; at 2 they are their root, 3 : 1.
    assert calibration.fit_temperature(*overconfident) == pytest.approx(2, rel=2e-3)


def test_surprise_and_error_at_a_temperature(overconfident):
    surprise, error = calibration.evaluate_temperature(*overconfident, 1.0)
    expected = -(3 * math.log(0.9) + math.log(0.1)) / 4
    assert surprise == pytest.approx(expected, rel=1e-5)
    assert error == pytest.approx(0.9 - 0.75, rel=1e-5)
    surprise, error = calibration.evaluate_temperature(*overconfident, 2.0)
    expected = -(3 * math.log(0.75) + math.log(0.25)) / 4
    assert surprise == pytest.approx(expected, rel=1e-5)
    assert error == pytest.approx(0, abs=1e-6)


def test_right_sums_at_a_temperature(overconfident):
    """Where all digits are equally likely, the likeliest sum is 18."""
    assert calibration.share_right(*overconfident, 1.0) == 0.75
    assert calibration.share_right(*overconfident, 1e6) == 0


@pytest.fixture(scope="module")
def sum_model():
    return build_sum_model(build_encoder(base_channels=2), build_decoder())


def labelled(count):
    rng = np.random.default_rng(count)
    images = rng.integers(0, 256, (count, 40, 168), np.uint8)
    sums = rng.integers(0, 37, count).astype(np.int32)
    return labelled_images.LabelledImages(images, None, sums, None)


def test_a_model_keeps_its_temperature(sum_model, monkeypatch):
    # Of random weights, it may cost any number of right sums.
    monkeypatch.setattr(calibration, "MOST_LOST", 1.0)
    two = {
        "first": datasets.once_dataset(labelled(150), 64),
        "second": datasets.once_dataset(labelled(50), 64),
    }
    found = calibration.calibrate(sum_model, two)
    assert found.num_images == 200
    temperature, surprise, error = found.after
    assert found.before[0] == 1 and temperature != 1
    assert surprise < found.before[1]
    layer = sum_model.get_layer("sum_distribution")
    layer = layer.get_layer("digit_probabilities")
    assert float(layer.temperature) == pytest.approx(temperature)
    # What the model itself says, image by image.
    images = np.concatenate([labelled(150).images, labelled(50).images])
    sums = np.concatenate([labelled(150).sums, labelled(50).sums])
    outputs = sum_model(images[..., np.newaxis])
    of_truth = outputs["sum_probabilities"].numpy()[np.arange(200), sums]
    assert -np.log(of_truth).mean() == pytest.approx(surprise, rel=1e-4)
    assert str(found).startswith("Calibrated on 200 validation images\n")
    assert f"after,  temperature {temperature:.4f}: NLL" in str(found)
    layer.temperature.assign(1.0)


def test_few_images_change_nothing(sum_model):
    few = {"few": datasets.once_dataset(labelled(199), 64)}
    found = calibration.calibrate(sum_model, few)
    layer = sum_model.get_layer("sum_distribution")
    assert float(layer.get_layer("digit_probabilities").temperature) == 1
    assert str(found).startswith("Not calibrated: 199 validation images")


@pytest.mark.parametrize(("share", "is_taken"), [(0.895, True), (0.89, False)])
def test_a_temperature_that_costs_right_sums_is_not_taken(
    sum_model, monkeypatch, share, is_taken
):
    """Of 90 % right before, half a point may be lost."""
    monkeypatch.setattr(calibration, "fit_temperature", lambda logits, sums: 2.0)
    monkeypatch.setattr(
        calibration,
        "share_right",
        lambda logits, sums, temperature: 0.9 if temperature == 1 else share,
    )
    enough = {"enough": datasets.once_dataset(labelled(200), 64)}
    found = calibration.calibrate(sum_model, enough)
    layer = sum_model.get_layer("sum_distribution")
    layer = layer.get_layer("digit_probabilities")
    assert float(layer.temperature) == found.after[0] == (2 if is_taken else 1)
    assert ("2.0000 would cost 1.00%" in str(found)) is not is_taken
    layer.temperature.assign(1.0)


def write_settings(workdir, stage="encoder", **data):
    (workdir / stage).mkdir(parents=True)
    settings = config.Config(
        stage=stage, objective="digits", seed=3, data=config.DataConfig(**data)
    )
    path = workdir / stage / "config.json"
    path.write_text(json.dumps(settings.to_dict()))


def test_fitted_to_every_layout_after_the_mixture(tmp_path):
    write_settings(tmp_path, layout="mixed")
    found = calibration.validation_datasets(tmp_path)
    assert tuple(found) == config.LAYOUTS
    # 1,250 composites of 5,000 digits, 250 at a time.
    assert [each.cardinality() for each in found.values()] == [5] * 6


def test_fitted_to_the_layout_trained_on(tmp_path):
    write_settings(tmp_path, layout="cropped")
    assert list(calibration.validation_datasets(tmp_path)) == ["cropped"]


def test_fitted_to_validation_digits(digit_images, digit_labels, monkeypatch):
    asked = []

    def load_digits(source, split, tfds_data_dir=None):
        asked.append((source, split, tfds_data_dir))
        return Digits(digit_images, digit_labels)

    monkeypatch.setattr(calibration, "load_digits", load_digits)
    calibration.composites("tfds", "folder", ("tiled",))
    assert asked == [("tfds", "validation", "folder")]


def test_fitted_to_own_images_that_were_set_apart(tmp_path):
    given = labelled(20)
    np.save(tmp_path / "x.npy", given.images)
    np.save(tmp_path / "y.npy", given.sums)
    write_settings(
        tmp_path, images=str(tmp_path / "x.npy"), sums=str(tmp_path / "y.npy")
    )
    (found,) = calibration.validation_datasets(tmp_path).values()
    ((images, labels),) = list(found)
    expected = image_splits.split_images(given, 0.8, 3)["validation"]
    np.testing.assert_array_equal(images[..., 0], expected.images)
    np.testing.assert_array_equal(labels["sum"], expected.sums)


@pytest.mark.parametrize("changed", [False, True])
def test_other_images_than_were_trained_on_are_reported(tmp_path, changed, caplog):
    given = labelled(20)
    np.save(tmp_path / "x.npy", given.images ^ 1 if changed else given.images)
    np.save(tmp_path / "y.npy", given.sums)
    write_settings(
        tmp_path, images=str(tmp_path / "x.npy"), sums=str(tmp_path / "y.npy")
    )
    path = tmp_path / "encoder" / "config.json"
    digest = digest_of(given.images, given.sums)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data_digest": digest}))
    calibration.validation_datasets(tmp_path)
    assert ("was trained on other images or sums" in caplog.text) == changed


@pytest.mark.parametrize(
    "data",
    [{"x": 1}, {"digits": 5}, {"layout": ["tiled"]}, {"sums": 3}, {"images": 1}, 7],
)
def test_settings_without_data_are_named(tmp_path, data):
    (tmp_path / "encoder").mkdir()
    text = json.dumps({"seed": 0, "data": data})
    (tmp_path / "encoder" / "config.json").write_text(text)
    with pytest.raises(UserError, match="must name the data trained on"):
        calibration.validation_datasets(tmp_path)
