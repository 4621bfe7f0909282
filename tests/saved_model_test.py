"""The SavedModel runs without this project: in C++ and on the command line."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import preloaded
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.data.photographs import SCENES, encode_photograph, photograph
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving import export

SOURCE = pathlib.Path(__file__).with_name("load_saved_model.cc")
HEADER = "tensorflow/cc/saved_model/loader.h"


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    return export.export_model(model, tmp_path_factory.mktemp("m") / "model")


@pytest.fixture(scope="module")
def requests_():
    """Inputs of each signature: three of a kind, pictures of three kinds."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 40, 168, 1), np.uint8)
    digits = load_digits(split="test").images[:4]
    files = [tf.io.encode_png(images[0]).numpy()]
    for scene in ("pen", "chalk"):
        files.append(encode_photograph(photograph(digits, SCENES[scene], 0)))
    logits = rng.normal(0, 5, (3, 4, 10)).astype(np.float32)
    return {
        "serving_default": {"images": images},
        "serving_bytes": {"image_bytes": np.array(files, object)},
        "encode": {"images": images},
        "decode": {"digit_logits": logits},
    }


@pytest.fixture(scope="module")
def expected(saved_model, requests_):
    loaded = tf.saved_model.load(saved_model)
    return {
        name: {
            output: value.numpy()
            for output, value in loaded.signatures[name](
                **{key: tf.constant(value) for key, value in inputs.items()}
            ).items()
        }
        for name, inputs in requests_.items()
    }


def compare(received: dict, expected: dict):
    assert set(received) == set(expected)
    for name, value in expected.items():
        assert received[name].dtype == value.dtype, name
        assert received[name].shape == value.shape, name
        np.testing.assert_allclose(received[name], value, atol=1e-4)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The C++ program, built against the TensorFlow that Python runs."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no C++ compiler g++")
    if not os.path.exists(os.path.join(tf.sysconfig.get_include(), HEADER)):
        pytest.skip("this TensorFlow comes without headers")
    library = pathlib.Path(tf.sysconfig.get_lib())
    names = [
        next(library.glob(f"libtensorflow_{part}.so.*"), None)
        for part in ("cc", "framework")
    ]
    if None in names:
        pytest.skip("this TensorFlow comes without libtensorflow_cc")
    path = tmp_path_factory.mktemp("cc") / "load_saved_model"
    command = [
        compiler,
        "-O0",
        "-w",
        *tf.sysconfig.get_compile_flags(),
        SOURCE,
        "-o",
        path,
        f"-L{library}",
        f"-Wl,-rpath,{library}",
        "-Wl,--no-as-needed",
        *[f"-l:{name.name}" for name in names],
    ]
    subprocess.run(command, check=True, timeout=600)
    return path


def test_cpp_answers_as_python(program, saved_model, requests_, expected, tmp_path):
    for name, inputs in requests_.items():
        (tmp_path / name).mkdir()
        for key, value in inputs.items():
            content = tf.make_tensor_proto(value).SerializeToString()
            (tmp_path / name / f"{key}.pb").write_bytes(content)
    result = subprocess.run(
        [program, saved_model, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    for name in requests_:
        received = {}
        for path in (tmp_path / name).glob("*.out"):
            proto = tensor_pb2.TensorProto.FromString(path.read_bytes())
            received[path.stem] = tf.make_ndarray(proto)
        compare(received, expected[name])


def test_cpp_is_told_what_is_wrong(program, saved_model, tmp_path):
    (tmp_path / "serving_bytes").mkdir()
    proto = tf.make_tensor_proto(np.array([b"no image"], object))
    path = tmp_path / "serving_bytes" / "image_bytes.pb"
    path.write_bytes(proto.SerializeToString())
    result = subprocess.run(
        [program, saved_model, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 1
    assert "Expected a PNG, JPEG, GIF or BMP" in result.stderr


@pytest.mark.parametrize(
    "name", ["serving_default", "serving_bytes", "encode", "decode"]
)
def test_saved_model_cli_answers_as_python(
    saved_model, requests_, expected, tmp_path, name
):
    ((key, value),) = requests_[name].items()
    if value.dtype == object:
        value = value.astype("S")  # Object arrays would be pickled.
    np.save(tmp_path / "input.npy", value)
    run_cli(
        "run",
        f"--dir={saved_model}",
        "--tag_set=serve",
        f"--signature_def={name}",
        f"--inputs={key}={tmp_path}/input.npy",
        f"--outdir={tmp_path}",
    )
    received = {
        output: np.load(tmp_path / f"{output}.npy") for output in expected[name]
    }
    compare(received, expected[name])


def run_cli(*arguments):
    # A process of its own: the tool defines and parses absl's global flags.
    tool = importlib.util.find_spec("tensorflow.python.tools.saved_model_cli").origin
    if "--signature_def=decode" in arguments:  # as where there is no project
        subprocess.run([sys.executable, tool, *arguments], check=True, timeout=300)
        return
    result = preloaded.run([tool, *arguments], ".", timeout=300)
    assert result.returncode == 0, result.stderr
