"""SavedModels are found, and what is none that reads images is named."""

import pytest
import tensorflow as tf

from mnist_sum_tf import evaluation
from mnist_sum_tf.runtimes import saved_model
from mnist_sum_tf.user_errors import UserError


def test_versions_are_compared_as_numbers(tmp_path):
    for name in ("2", "10", "9", "temporary", "²"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "11").mkdir()  # A version still being copied.
    assert saved_model.find_saved_model(tmp_path) == tmp_path / "10"
    assert saved_model.find_saved_model(tmp_path / "2") == tmp_path / "2"


def test_versions_are_folders_of_numbers_the_newest_last(tmp_path):
    for name in ("10", "9", "0008", "x", "²", "٣", "-1", "1.5", ".7"):
        (tmp_path / name).mkdir()
    (tmp_path / "11").touch()
    (tmp_path / "12").symlink_to(tmp_path / "x")
    found = saved_model.version_folders(str(tmp_path))
    assert found == [tmp_path / name for name in ("0008", "9", "10", "12")]
    with pytest.raises(OSError, match="missing"):
        saved_model.version_folders(tmp_path / "missing")


@pytest.mark.parametrize("name", ["missing", "empty", "file"])
def test_a_path_without_a_model_is_named(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"Received: .*{name}$"):
        saved_model.load_saved_model(tmp_path / name)


def test_a_file_in_a_folder_without_versions_is_named(tmp_path):
    for name in ("notes.txt", "model.onnx"):
        (tmp_path / name).touch()
    with pytest.raises(UserError) as raised:
        saved_model.find_saved_model(tmp_path)
    assert str(raised.value) == (
        "--model must be a SavedModel or a folder of its versions. "
        f"Received: {tmp_path}, which holds the file model.onnx"
    )


@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_a_damaged_model_has_no_shapes(tmp_path, content):
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(UserError, match="SavedModel that can be read. Received"):
        saved_model.variable_shapes(tmp_path)


@pytest.mark.parametrize(
    "load", [saved_model.load_saved_model, evaluation.load_for_evaluation]
)
def test_a_damaged_model_is_named(tmp_path, load):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(UserError, match="SavedModel that loads. Received"):
        load(tmp_path)


def test_another_kind_of_model_is_refused(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "1"))
    with pytest.raises(UserError, match="must have the signature"):
        saved_model.load_saved_model(tmp_path)


def save_as_first_version(read, folder):
    """Saves a model that answers images with `read`, and files with their length."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def read_files(image_bytes):
        return {"sum": tf.strings.length(image_bytes)}

    tf.saved_model.save(
        tf.Module(),
        str(folder / "1"),
        signatures={"serving_default": read, "serving_bytes": read_files},
    )


def test_another_kind_of_model_is_not_evaluated(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None, 40, 168, 1], tf.uint8)])
    def read(images):
        return {"sum": tf.reduce_sum(tf.cast(images, tf.float32), [1, 2, 3])}

    save_as_first_version(read, tmp_path)
    for load in (evaluation.load_for_evaluation, saved_model.load_saved_model):
        with pytest.raises(
            UserError, match=r"which takes \['images'\] and answers with \['sum'\]"
        ):
            load(tmp_path)


def test_a_model_of_other_images_is_refused(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28, 1], tf.uint8)])
    def read(images):
        return dict.fromkeys(saved_model.OUTPUTS, tf.cast(images, tf.float32))

    save_as_first_version(read, tmp_path)
    with pytest.raises(UserError, match=r"must take images .* takes \['images'\]"):
        saved_model.load_saved_model(tmp_path)
