"""Models as single files: they answer as Keras does, or are not written."""

import json
import logging
import os
import pathlib
import signal
import warnings

import numpy as np
import preloaded
import pytest
import tensorflow as tf
from format_fixtures import FLOAT32, NEEDS, folder, images, skip_without, sum_model

from mnist_sum_tf import evaluation, prediction, prediction_results
from mnist_sum_tf.data import datasets
from mnist_sum_tf.data.digits import Digits, load_digits
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.runtimes import loading
from mnist_sum_tf.runtimes.outputs import OUTPUTS
from mnist_sum_tf.serving import export, release
from mnist_sum_tf.serving.formats import file_export
from mnist_sum_tf.serving.formats.quiet import quiet
from mnist_sum_tf.user_errors import UserError

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


def run_release(*args, **kwargs):
    """Exports by the settings that `ExportConfig` makes of the arguments."""
    return release.release(release.ExportConfig(*args, **kwargs))


@pytest.fixture(scope="module")
def saved_model(sum_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved_model") / "model"
    export.export_model(sum_model, path)
    return path


@pytest.mark.parametrize("name", FLOAT32)
@pytest.mark.parametrize("count", [1, 7])
def test_float32_files_answer_as_keras_does(name, count, sum_model, folder, images):
    skip_without(name)
    expected = sum_model(images[:count])
    answer = loading.load_file(folder / name)(images[:count])
    assert set(answer) == set(OUTPUTS)
    for key in ("digit_probabilities", "sum_probabilities", "sum"):
        assert answer[key].dtype == np.float32
        np.testing.assert_allclose(answer[key], expected[key], atol=1e-5)
    for key, of in (
        ("digits", "digit_probabilities"),
        ("most_likely_sum", "sum_probabilities"),
    ):
        assert answer[key].dtype == np.int32
        np.testing.assert_array_equal(answer[key], np.argmax(expected[of], -1))


def test_an_image_is_read_the_same_in_any_company(folder, images):
    """Int8 steps fit each image, not the batch."""
    skip_without("model_int8.tflite")
    reader = loading.load_file(folder / "model_int8.tflite")
    whole, alone = reader(images), reader(images[3:4])
    for key, values in whole.items():
        np.testing.assert_allclose(values[3], alone[key][0], atol=1e-6)


def test_int8_is_a_quarter_of_the_size_and_close(sum_model, folder, images):
    skip_without("model_int8.tflite")
    sizes = [
        (folder / name).stat().st_size for name in ("model_int8.tflite", "model.tflite")
    ]
    assert sizes[0] < 0.6 * sizes[1]  # Names weigh much in so small a model.
    answer = loading.load_file(folder / "model_int8.tflite")(images)
    expected = sum_model(images)["digit_probabilities"]
    difference = np.abs(answer["digit_probabilities"] - expected).max()
    assert 1e-5 < difference < 0.2


@pytest.mark.parametrize("name", list(NEEDS))
def test_a_file_is_evaluated_like_a_keras_model(name, folder, images):
    skip_without(name)
    model = evaluation.load_for_evaluation(folder / name)
    expected = loading.load_file(folder / name)(images)
    assert not model.get_layer("reading").supports_jit  # Keras asks on a GPU.
    found = tf.function(model)(images)
    assert set(found) == set(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


@pytest.mark.parametrize("name", list(NEEDS))
def test_composites_are_evaluated_by_a_file(name, folder):
    """Their batches have a size that is known when they are traced."""
    skip_without(name)
    few = Digits(*(each[:48] for each in load_digits(split="test")))
    composites = datasets.evaluation_datasets(few, ["tiled"])
    model = evaluation.load_for_evaluation(folder / name)
    row = evaluation.evaluate_model(model, composites)["tiled"]
    [(images, labels)] = composites["tiled"]
    read = loading.load_file(folder / name)(images.numpy())
    assert row["num_images"] == 12
    right = read["most_likely_sum"] == labels["sum"]
    assert row["sum_accuracy"] == pytest.approx(np.mean(right))
    right = read["digits"] == labels["digits"]
    assert row["digit_accuracy"] == pytest.approx(np.mean(right))


def test_export_checks_and_leaves_one_file(sum_model, tmp_path, monkeypatch):
    skip_without("model.tflite")
    (tmp_path / "1").mkdir()
    (tmp_path / "model.tflite").write_bytes(b"an earlier one")
    path = file_export.export_file(sum_model, tmp_path, "litert")
    assert path == str(tmp_path / "model.tflite")
    assert sorted(os.listdir(tmp_path)) == ["1", "model.tflite"]
    assert set(loading.load_file(path)(np.zeros((2, 40, 168, 1), np.uint8))) == (
        set(OUTPUTS)
    )


def changed_reader(load, key):
    def load_changed(path):
        reader = load(path)

        def read(images):
            answer = reader(images)
            answer[key] = (answer[key] + 2e-4).astype(answer[key].dtype)
            return answer

        return read

    return load_changed


@pytest.mark.parametrize("key", ["digit_probabilities", "sum"])
def test_a_file_that_answers_otherwise_is_not_exported(
    sum_model, tmp_path, monkeypatch, key
):
    skip_without("model.tflite")
    monkeypatch.setattr(
        file_export, "load_working", changed_reader(loading.load_working, key)
    )
    with pytest.raises(RuntimeError, match=f"`{key}` differs from the model's"):
        file_export.export_file(sum_model, tmp_path, "litert")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["does not load", "answers with what is no number"])
def test_a_file_that_cannot_be_run_is_not_the_users_fault(
    sum_model, tmp_path, monkeypatch, what
):
    skip_without("model.tflite")
    load = loading._LOADERS[".tflite"]

    def load_damaged(path):
        if what == "does not load":
            raise OSError("it is cut off")
        return lambda images: {
            name: value * np.nan if value.dtype == np.float32 else value
            for name, value in load(path)(images).items()
        }

    monkeypatch.setitem(loading._LOADERS, ".tflite", load_damaged)
    with pytest.raises(RuntimeError) as raised:
        file_export.export_file(sum_model, tmp_path, "litert")
    received = {
        "does not load": "model.tflite (it is cut off)",
        "answers with what is no number": (
            "model.tflite (its probabilities are invalid)"
        ),
    }[what]
    assert str(raised.value) == (
        f"The file that was written must load and answer. Received: {received}"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file_format", "quantization"),
    [("onnx", "int8"), ("saved_model", "int8"), ("litert", "int4"), ("x", None)],
)
def test_what_is_not_offered_is_refused(tmp_path, file_format, quantization):
    with pytest.raises(UserError, match="--format=litert --quantization=int8"):
        run_release(
            tmp_path,
            workdir=tmp_path,
            file_format=file_format,
            quantization=quantization,
        )


def test_nor_is_it_written(tmp_path):
    with pytest.raises(UserError, match="--format=litert --quantization=int8"):
        file_export.export_file(None, tmp_path, "onnx", "int8", {"some": None})


def test_a_file_takes_the_place_of_a_links_target(tmp_path):
    folder, link = tmp_path / "new" / "folder", tmp_path / "links" / "model.onnx"
    folder.mkdir(parents=True)
    link.parent.mkdir()
    link.symlink_to(folder / "mine.onnx")
    with file_export._draft(link) as draft:
        assert draft.parent.parent == folder
        assert draft.parent.name.startswith(".model.onnx-")
        draft.write_text("a model")
    assert link.is_symlink() and os.listdir(link.parent) == ["model.onnx"]
    assert (folder / "mine.onnx").read_text() == "a model"
    assert os.listdir(folder) == ["mine.onnx"]


def test_what_is_terminated_leaves_no_file(tmp_path):
    with pytest.raises(SystemExit):
        with file_export._draft(tmp_path / "new" / "model.onnx") as draft:
            draft.write_text("half a model")
            signal.raise_signal(signal.SIGTERM)
    assert list((tmp_path / "new").iterdir()) == []


def test_converters_are_quiet_and_only_they(caplog, recwarn):
    logger = logging.getLogger("converter")
    with caplog.at_level(logging.INFO):
        with quiet():
            warnings.warn("deprecated", stacklevel=1)
            logger.info("converting")
            logger.warning("not converted")
        logger.info("done")
    assert caplog.messages == ["not converted", "done"]
    assert not recwarn.list


def test_files_have_no_versions(tmp_path):
    with pytest.raises(UserError, match="--keep_versions is for"):
        run_release(tmp_path, workdir=tmp_path, keep_versions=2, file_format="onnx")


def test_an_exported_model_becomes_a_file(sum_model, saved_model, tmp_path, images):
    skip_without("model.tflite")
    path = run_release(
        tmp_path, model_path=saved_model, calibrates=False, file_format="litert"
    )
    found = loading.load_file(path)(images)["sum_probabilities"]
    expected = sum_model(images)["sum_probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_only_float32_is_exported(tmp_path):
    encoder = build_encoder(base_channels=2, dtype="mixed_bfloat16")
    model = build_sum_model(encoder, build_decoder())
    with pytest.raises(ValueError, match="Received: .*bfloat16"):
        file_export.export_file(model, tmp_path, "litert")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(sum_model, tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(UserError, match="--export_dir must be .*Received: .*x"):
        file_export.export_file(sum_model, tmp_path / "x", "litert")


def test_all_formats_print_the_same_lines(saved_model, folder):
    models = [saved_model]
    models += [folder / name for name in FLOAT32 if (folder / name).exists()]
    samples = prediction.find_images([REPOSITORY / "exported_models" / "samples"])
    lines = {
        str(model): prediction_results.format_readings(
            prediction.read_sums(samples, prediction.load_model(model))
        )
        for model in models
    }
    assert len(set(lines.values())) == 1
    assert len(lines[str(models[0])].splitlines()) == 12


def test_the_script_reads_with_a_file(folder):
    skip_without("model.tflite")
    command = [
        REPOSITORY / "scripts" / "predict.py",
        "--json",
        REPOSITORY / "exported_models" / "samples",
        f"--model={folder / 'model.tflite'}",
    ]
    result = preloaded.run(command, ".", timeout=300)
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)) == 12
