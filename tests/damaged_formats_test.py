"""Files that are damaged, missing or of another model, and packages that are not there."""

import json
import os
import pathlib
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
from format_fixtures import FLOAT32, NEEDS, folder, skip_without, sum_model

from mnist_sum_tf import prediction
from mnist_sum_tf.runtimes import loading, packages
from mnist_sum_tf.runtimes.outputs import OUTPUTS
from mnist_sum_tf.serving.formats import file_export
from mnist_sum_tf.user_errors import UserError

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", list(NEEDS))
@pytest.mark.parametrize("content", ["cut", "changed", "none", "text"])
def test_damaged_files_end_in_one_line(name, content, folder, tmp_path):
    skip_without(name)
    whole = (folder / name).read_bytes()
    damaged = {
        "cut": whole[: len(whole) // 2],
        "changed": b"\xff" * 64 + whole[64:],
        "none": b"",
        "text": b"no model",
    }[content]
    (tmp_path / name).write_bytes(damaged)
    with pytest.raises(UserError, match="Received: ") as raised:
        prediction.load_model(tmp_path / name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", FLOAT32)
def test_overwritten_weights_are_reported(name, folder, tmp_path):
    """Files that load and run, and answer with what is no number."""
    skip_without(name)
    content = bytearray((folder / name).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = b"\xff" * 4096
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name} \(its probabilities are invalid\)$"):
        prediction.load_model(tmp_path / name)


@pytest.fixture
def answer(monkeypatch, tmp_path):
    """What an image is answered with by the file `model.onnx` that is there."""
    found = {
        name: np.zeros((1, *output.shape), output.dtype)
        for name, output in OUTPUTS.items()
    }
    found["sum_probabilities"][:, 3] = 0.96
    found["digit_probabilities"][..., 3] = 1.04  # int8 weights leave some
    monkeypatch.setitem(loading._LOADERS, ".onnx", lambda path: lambda images: found)
    (tmp_path / "model.onnx").touch()
    return found


def test_probabilities_may_be_a_little_off(answer, tmp_path):
    assert loading.load_file(tmp_path / "model.onnx")(None) is answer


@pytest.mark.parametrize(
    "name, value",
    [("digit_probabilities", 1.06), ("sum_probabilities", 0.94), ("sum", np.nan)],
)
def test_probabilities_of_another_sum_are_refused(answer, tmp_path, name, value):
    answer[name][..., 3 if answer[name].ndim > 1 else 0] = value
    with pytest.raises(UserError, match="its probabilities are invalid"):
        loading.load_file(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "name, value, received",
    [
        ("digits", np.zeros((1, 4)), r"digits float64\[1, 4\]"),
        ("sum", np.zeros((1, 1), np.float32), r"sum float32\[1, 1\]"),
        ("more", np.zeros(1, np.int32), r"more int32\[1\]"),
    ],
)
def test_outputs_of_another_kind_are_refused(answer, tmp_path, name, value, received):
    answer[name] = value
    with pytest.raises(UserError, match=f"answers not with digits, .*{received}"):
        loading.load_file(tmp_path / "model.onnx")


@pytest.mark.parametrize("name", FLOAT32)
def test_missing_files_are_named(name, tmp_path):
    with pytest.raises(UserError, match="Received: .*which is no file"):
        prediction.load_model(tmp_path / name)


def test_another_models_file_is_refused(tmp_path):
    skip_without("model.tflite")
    double = tf.function(
        lambda images: {"sum": tf.cast(images, tf.float32) * 2},
        input_signature=[tf.TensorSpec([None, 40, 168, 1], tf.uint8, "images")],
    ).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([double])
    (tmp_path / "other.tflite").write_bytes(converter.convert())
    with pytest.raises(UserError, match="Received: .*other.tflite"):
        prediction.load_model(tmp_path / "other.tflite")


@pytest.mark.parametrize(
    ("run", "extra"),
    [
        (lambda path: loading.load_file(path / "model.onnx"), "onnx"),
        (lambda path: loading.load_file(path / "model.tflite"), "litert"),
        (lambda path: file_export.check_packages("onnx"), "onnx"),
        (lambda path: file_export.check_packages("litert"), "litert"),
    ],
)
def test_a_missing_package_names_its_extra(run, extra, tmp_path, monkeypatch):
    for name in FLOAT32:
        (tmp_path / name).touch()
    for package in ("onnxruntime", "tf2onnx", "ai_edge_litert.interpreter"):
        monkeypatch.setitem(sys.modules, package, None)
    message = rf"^The package \w+ is needed here: pip install -e '\.\[{extra}\]'\. Rec"
    with pytest.raises(UserError, match=message):
        run(tmp_path)


@pytest.mark.parametrize("package", NEEDS["model.onnx"])
def test_each_package_of_a_format_is_asked_for(package, monkeypatch):
    skip_without("model.onnx")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=f"^The package {package} is needed here"):
        file_export.check_packages("onnx")


def test_packages_are_imported():
    assert packages.import_package("json", extra="x") is json


def test_a_damaged_image_is_named(folder, tmp_path):
    skip_without("model.tflite")
    shutil.copytree(REPOSITORY / "exported_models" / "samples", tmp_path / "s")
    (tmp_path / "s" / "1.png").write_bytes(b"\x89PNG no image")
    model = prediction.load_model(folder / "model.tflite")
    with pytest.raises(UserError, match=r"1\.png: expected a"):
        prediction.read_sums([tmp_path / "s"], model)


def test_a_pipe_in_a_files_place_stays(sum_model, tmp_path):
    skip_without("model.tflite")
    os.mkfifo(tmp_path / "model.tflite")
    with pytest.raises(
        UserError, match="--export_dir must .* exists but is not a file"
    ):
        file_export.export_file(sum_model, tmp_path, "litert")
    assert (tmp_path / "model.tflite").is_fifo()
    assert len(list(tmp_path.iterdir())) == 1
