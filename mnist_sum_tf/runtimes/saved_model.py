"""An exported SavedModel, found and loaded."""

import os
import pathlib

import keras
import tensorflow as tf
from google.protobuf import message
from tensorflow.core.protobuf import saved_model_pb2

from mnist_sum_tf.config import IMAGE_SHAPE
from mnist_sum_tf.runtimes.loading import SUFFIXES
from mnist_sum_tf.runtimes.outputs import OUTPUTS
from mnist_sum_tf.user_errors import UserError, check_path, first_line

IMAGES_SIGNATURE = "serving_default"
FILES_SIGNATURE = "serving_bytes"  # takes image files


def find_saved_model(path, flag: str = "model") -> pathlib.Path:
    """The SavedModel at a path: itself, or the newest of the versions in it.

    Args:
        path: of a SavedModel or of a folder of numbered ones.
        flag: the flag that names it, for error messages.

    Raises:
        UserError: if there is neither.
    """
    check_path(path, flag)
    path = pathlib.Path(path)
    if is_saved_model(path):
        return path
    try:
        folders = version_folders(path) if os.path.isdir(path) else []
    except OSError as error:
        raise UserError(
            f"--{flag} must be a folder that can be read. Received: "
            f"{path} ({error.strerror})"
        ) from error
    versions = list(filter(is_saved_model, folders))
    if not versions:
        files = [file.name for file in path.glob("*") if file.suffix in SUFFIXES]
        raise UserError(
            f"--{flag} must be a SavedModel or a folder of its versions. "
            f"Received: {path}"
            + (f", which holds the file {files[0]}" if files else "")
        )
    return versions[-1]


def version_folders(folder) -> list[pathlib.Path]:
    """The numbered folders in a folder, by number, the newest version last.

    Args:
        folder: of versions; whatever else it holds is left out.

    Raises:
        OSError: if it cannot be read.
    """
    numbered = [
        entry
        for entry in pathlib.Path(folder).iterdir()
        if entry.name.isascii() and entry.name.isdigit() and os.path.isdir(entry)
    ]
    return sorted(numbered, key=lambda entry: int(entry.name))


def is_saved_model(path: pathlib.Path) -> bool:
    """Whether it is a folder with a SavedModel's graph."""
    # Unlike pathlib's, these functions never raise.
    return os.path.isfile(path / "saved_model.pb")


def variable_shapes(path, flag: str = "model") -> dict[str, tuple[int, ...]]:
    """Shapes of a SavedModel's variables by name, without loading it.

    This lets devices be set up afterwards, before TensorFlow does anything.

    Args:
        path, flag: see `find_saved_model`.

    Raises:
        UserError: if there is none, or it is broken.
    """
    found = find_saved_model(path, flag)
    try:
        content = (found / "saved_model.pb").read_bytes()
        graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0]
    except (OSError, IndexError, message.DecodeError) as error:
        raise UserError(
            f"--{flag} must be a SavedModel that can be read. Received: "
            f"{found} ({type(error).__name__})"
        ) from error
    return {
        node.variable.name: tuple(side.size for side in node.variable.shape.dim)
        for node in graph.object_graph_def.nodes
        if node.HasField("variable")
    }


def load_saved_model(path, flag: str = "model"):
    """Loads the SavedModel at a path.

    Args:
        path, flag: see `find_saved_model`.

    Returns:
        An object whose `signatures` are those of the exported model.

    Raises:
        UserError: if there is none, it is broken, or another model's.
    """
    found = find_saved_model(path, flag)
    try:
        model = tf.saved_model.load(str(found))
    except Exception as error:  # Broken files fail in many ways.
        raise UserError(
            f"--{flag} must be a SavedModel that loads. Received: {found}"
            f" ({first_line(error)})"
        ) from error
    if FILES_SIGNATURE not in model.signatures:
        raise UserError(
            f"--{flag} must have the signature {FILES_SIGNATURE}, as export_model.py "
            f"writes it. Received: {found} with {sorted(model.signatures)}"
        )
    _check_answers(found, model.signatures, flag)
    return model


def saved_model_reader(path):
    """Loads the SavedModel at a path as a function, as files of other formats are.

    Args, Raises: as `load_saved_model`.

    Returns:
        A function from images, uint8 `[n, 40, 168, 1]`, to a dictionary of NumPy
        arrays, at least the outputs `OUTPUTS`.
    """
    loaded = load_saved_model(path)

    def read(images):
        answer = loaded.signatures[IMAGES_SIGNATURE](images=tf.constant(images))
        return {name: value.numpy() for name, value in answer.items()}

    return read


def load_as_keras_model(path) -> keras.Model:
    """Loads the SavedModel at a path, to be evaluated.

    Args, Raises: as `load_saved_model`.

    Returns:
        A model from images, uint8 `[n, 40, 168, 1]`, to a dictionary of the
        outputs `OUTPUTS`.
    """
    found = find_saved_model(path)
    load_saved_model(found)  # Raises for a model that is not ours.
    layer = keras.layers.TFSMLayer(str(found), call_endpoint=IMAGES_SIGNATURE)
    images = keras.Input(IMAGE_SHAPE, dtype="uint8", name="images")
    return keras.Model(images, layer(images), name="exported_sum_model")


def _check_answers(found: pathlib.Path, signatures, flag: str) -> None:
    """Raises a `UserError` unless images are taken and answered with `OUTPUTS`."""
    takes, answers = {}, {}
    if IMAGES_SIGNATURE in signatures:
        signature = signatures[IMAGES_SIGNATURE]
        takes = signature.structured_input_signature[1]
        answers = signature.structured_outputs
    images = tf.TensorSpec([None, *IMAGE_SHAPE], tf.uint8)
    is_image = [images.is_compatible_with(each) for each in takes.values()]
    if is_image != [True] or not {*OUTPUTS} <= {*answers}:
        raise UserError(
            f"--{flag} must take images and answer with {', '.join(OUTPUTS)}, as "
            f"export_model.py writes it. Received: {found}, which takes "
            f"{sorted(takes)} and answers with {sorted(answers)}"
        )
