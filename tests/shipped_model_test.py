"""The model that ships: its size, its signatures, what it reads."""

import pathlib

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from picture_samples import encode

from mnist_sum_tf import evaluation, evaluation_data, prediction
from mnist_sum_tf.config import DataConfig
from mnist_sum_tf.runtimes import saved_model

MODELS = pathlib.Path(__file__).parents[1] / "exported_models"


@pytest.fixture(scope="module")
def path():
    return saved_model.find_saved_model(MODELS / "mnist_sum")


def test_it_is_smaller_than_10_megabytes(path):
    files = [file for file in path.rglob("*") if file.is_file()]
    assert 1e6 < sum(file.stat().st_size for file in files) < 10e6


def test_its_signatures_are_the_contract(path):
    signatures = tf.saved_model.load(str(path)).signatures
    outputs = {
        "digits": (tf.int32, [None, 4]),
        "digit_probabilities": (tf.float32, [None, 4, 10]),
        "sum": (tf.float32, [None]),
        "sum_probabilities": (tf.float32, [None, 37]),
        "most_likely_sum": (tf.int32, [None]),
    }
    images = {"images": (tf.uint8, [None, 40, 168, 1])}
    image_bytes = {"image_bytes": (tf.string, [None])}
    logits = {"digit_logits": (tf.float32, [None, 4, 10])}
    contract = {
        "serving_default": (images, outputs),
        "serving_bytes": (image_bytes, outputs),
        "encode": (images, logits),
        "decode": (logits, {"sum": (tf.float32, [None])}),
    }
    for name, (inputs, results) in contract.items():
        signature = signatures[name]
        found = {
            key: (spec.dtype, spec.shape.as_list())
            for key, spec in signature.structured_input_signature[1].items()
        }
        assert found == inputs, name
        found = {
            key: (spec.dtype, spec.shape.as_list())
            for key, spec in signature.structured_outputs.items()
        }
        assert found == results, name


def test_it_reads_the_samples(path):
    paths = sorted(map(str, (MODELS / "samples").glob("*.png")))
    readings = prediction.read_sums(paths, prediction.load_model(path))
    assert len(readings) == 12
    for reading in readings:
        name = pathlib.Path(reading.path).name
        assert "".join(map(str, reading.digits)) == name[:4]
        assert reading.sum == sum(reading.digits)


def test_a_server_reads_files_as_predict_does(path, tmp_path):
    """The graph that ships decodes them as the code beside it."""
    sample = PIL.Image.open(MODELS / "samples" / "0944_separate.png").convert("L")
    on_paper = sample.point(lambda level: 255 - level)
    ink_alone = PIL.Image.new("RGBA", sample.size)
    ink_alone.putalpha(sample)
    camera = PIL.Image.Exif()
    camera[0x0112] = 3  # held upside down
    turned = encode(on_paper.rotate(180), "JPEG", exif=camera, quality=95)
    other = b"\xff\xe1" + (9_002).to_bytes(2, "big") + 9_000 * b"x"
    files = {
        "palette.bmp": encode(on_paper.quantize(16), "BMP"),
        "ink_alone.png": encode(ink_alone),
        "turned.jpg": turned[:2] + other + turned[2:],  # Exif is not the first.
    }
    for name, file in files.items():
        (tmp_path / name).write_bytes(file)
    serving_bytes = tf.saved_model.load(str(path)).signatures["serving_bytes"]
    answers = serving_bytes(image_bytes=tf.constant([*files.values()]))
    np.testing.assert_array_equal(answers["digits"], [[0, 9, 4, 4]] * 3)
    readings = prediction.read_sums(
        [str(tmp_path / name) for name in files], prediction.load_model(path)
    )
    np.testing.assert_allclose(
        [reading.probability for reading in readings],
        tf.reduce_max(answers["sum_probabilities"], axis=1),
        atol=1e-6,
    )


def test_it_reads_digits_it_has_not_seen(path):
    """What README says of `tiled`, but for rounding on other processors."""
    model = evaluation.load_for_evaluation(path)
    chosen = evaluation_data.choose_datasets(["tiled"], DataConfig())
    result = evaluation.evaluate_model(model, chosen)["tiled"]
    assert result["num_images"] == 2500
    assert abs(2500 * result["sum_accuracy"] - 2470) <= 2.1
    assert abs(10_000 * result["digit_accuracy"] - 9970) <= 3.1
    assert abs(result["sum_nll"] - 0.033) < 0.001
