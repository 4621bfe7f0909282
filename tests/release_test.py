"""Models calibrated and exported, and exported ones taken up again."""

import re
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf import calibration
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.runtimes.loading import OUTPUTS
from mnist_sum_tf.serving import export, release
from mnist_sum_tf.serving.exported import load_exported_model
from mnist_sum_tf.training.initial_weights import short_name
from mnist_sum_tf.user_errors import UserError


def run_release(*args, **kwargs):
    """Exports by the settings that `ExportConfig` makes of the arguments."""
    return release.release(release.ExportConfig(*args, **kwargs))


def temperature_of(model):
    layer = model.get_layer("sum_distribution")
    return layer.get_layer("digit_probabilities").temperature


@pytest.fixture(scope="module")
def sum_model():
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    temperature_of(model).assign(1.75)
    return model


@pytest.fixture(scope="module")
def versions(sum_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model"
    export.export_model(sum_model, path)
    return path


def test_an_exported_model_comes_back_weight_by_weight(sum_model, versions):
    loaded = load_exported_model(versions)
    assert float(temperature_of(loaded)) == 1.75
    assert len(loaded.weights) == len(sum_model.weights)
    for found, expected in zip(loaded.weights, sum_model.weights):
        np.testing.assert_array_equal(found, expected)


def test_an_exported_model_is_loaded_once(versions, monkeypatch):
    load = mock.Mock(wraps=tf.saved_model.load)
    monkeypatch.setattr(tf.saved_model, "load", load)
    load_exported_model(versions)
    load.assert_called_once_with(str(versions / "1"))


def test_a_model_is_calibrated_before_it_is_exported(
    versions, tmp_path, monkeypatch, capsys
):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 40, 168, 1), np.uint8)
    sums = rng.integers(0, 37, 200).astype(np.int32)
    dataset = tf.data.Dataset.from_tensors((images, {"sum": sums}))
    monkeypatch.setattr(calibration, "composites", lambda: {"some": dataset})
    # Random weights may lose a sum or two, and are calibrated all the same.
    monkeypatch.setattr(calibration, "MOST_LOST", 1.0)
    path = run_release(tmp_path / "new", model_path=versions)
    printed = capsys.readouterr().out
    before, after = re.findall(r"temperature ([\d.]+):", printed)
    assert before == "1.7500" != after
    loaded = load_exported_model(path)
    assert f"{float(temperature_of(loaded)):.4f}" == after


def test_what_is_quantized_is_calibrated_on_the_same_images(
    versions, tmp_path, monkeypatch
):
    held_out = {"some": object()}
    seen = []
    monkeypatch.setattr(calibration, "composites", lambda: held_out)
    monkeypatch.setattr(
        calibration,
        "calibrate",
        lambda model, named: seen.append(("calibrated", named)),
    )
    monkeypatch.setattr(
        release,
        "export_file",
        lambda model, folder, *how: seen.append(("exported", *how)),
    )
    run_release(
        tmp_path, model_path=versions, file_format="litert", quantization="int8"
    )
    assert seen == [("calibrated", held_out), ("exported", "litert", "int8", held_out)]
    run_release(
        tmp_path,
        model_path=versions,
        file_format="litert",
        quantization="int8",
        calibrates=False,
    )
    assert seen[2:] == [("exported", "litert", "int8", held_out)]


def test_or_not(versions, monkeypatch, capsys):
    monkeypatch.setattr(
        release, "export_model", lambda model, *_: temperature_of(model)
    )
    monkeypatch.setattr(calibration, "composites", None)
    found = run_release("new", model_path=versions, calibrates=False)
    assert float(found) == 1.75
    assert "alibrated" not in capsys.readouterr().out


def test_the_newest_versions_to_keep_are_passed_on(versions, tmp_path, monkeypatch):
    monkeypatch.setattr(release, "export_model", lambda model, *given: given)
    given = run_release(
        tmp_path, model_path=versions, calibrates=False, keep_versions=2
    )
    assert given == (tmp_path, 2)


def test_a_training_is_calibrated_on_its_own_validation_images(monkeypatch):
    monkeypatch.setattr(calibration, "validation_datasets", lambda workdir: [workdir])
    assert release._held_out("mine") == ["mine"]
    failing = mock.Mock(side_effect=UserError("There are none."))
    monkeypatch.setattr(calibration, "validation_datasets", failing)
    with pytest.raises(UserError, match=r"^Calibrating needs .* There are none\.$"):
        release._held_out("mine")


def test_one_model_must_be_named(tmp_path):
    for given in ({}, {"workdir": "a", "model_path": "b"}):
        with pytest.raises(UserError, match="one of --workdir and --model"):
            run_release(tmp_path, **given)


def test_what_cannot_be_written_is_reported_before_a_model_is_loaded(
    tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.setattr(release, "load_exported_model", None)
    refused = {
        "--export_dir must be a folder that can be written. .*file": {},
        r"pip install -e '\.\[onnx\]'": {"file_format": "onnx"},
        "--keep_versions must be at least 1": {"keep_versions": 0},
        "--export_dir must be a path in UTF-8": {},
    }
    folders = ("file", "new", "new", "a[b]")
    for folder, (message, given) in zip(folders, refused.items()):
        with pytest.raises(UserError, match=message):
            run_release(tmp_path / folder, model_path="mine", **given)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_model_of_other_layers_is_refused(tmp_path, versions):
    module = tf.Module()
    module.weight = tf.Variable([1.0])

    @tf.function(input_signature=[tf.TensorSpec([None, 40, 168, 1], tf.uint8)])
    def read(images):
        count = tf.cast(tf.shape(images)[0], tf.float32)
        return {
            name: module.weight * count + place for place, name in enumerate(OUTPUTS)
        }

    tf.saved_model.save(
        module,
        str(tmp_path / "other"),
        signatures={"serving_bytes": read, "serving_default": read},
    )
    with pytest.raises(UserError, match="must be of this project's layers"):
        load_exported_model(tmp_path / "other")
    with pytest.raises(UserError, match="--blend_with must be of this project's"):
        run_release(tmp_path, model_path=versions, blend_with=tmp_path / "other")


def test_a_model_is_blended_with_a_file_of_layers(tmp_path, versions, monkeypatch):
    monkeypatch.setattr(release, "export_model", lambda model, *_: model)
    model = load_exported_model(versions)
    encoder, path = model.get_layer("encoder"), tmp_path / "encoder.npz"
    np.savez(path, **{short_name(each): each + 8.0 for each in encoder.weights})
    blended = run_release(
        tmp_path / "blended",
        model_path=versions,
        calibrates=False,
        blend_with=path,
        blend_share=0.5,
    )
    assert len(encoder.weights) == 24
    for old, new in zip(encoder.weights, blended.get_layer("encoder").weights):
        np.testing.assert_allclose(new, old + 4.0, rtol=1e-6)
    for old, new in zip(
        model.get_layer("decoder").weights, blended.get_layer("decoder").weights
    ):
        np.testing.assert_array_equal(new, old)
    with pytest.raises(UserError, match="--blend_with must be .*none.npz"):
        run_release(tmp_path, model_path=versions, blend_with=tmp_path / "none.npz")


def test_a_model_without_one_of_the_signatures_is_refused(tmp_path, versions):
    whole = tf.saved_model.load(str(versions / "1"))
    kept = {
        name: whole.signatures[name] for name in whole.signatures if name != "decode"
    }
    tf.saved_model.save(whole, str(tmp_path / "fewer"), signatures=kept)
    with pytest.raises(UserError, match="Expected the signatures .*'decode'"):
        load_exported_model(tmp_path / "fewer")
