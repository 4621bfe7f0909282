"""A model -> a SavedModel with four signatures, as TensorFlow Serving wants it.

    export_dir/
      1/  2/  ...   versions; a server that watches the folder takes each new
                    one, so it appears there complete and checked
"""

import os
import pathlib
import shutil
import tempfile

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data.pictures import canvas_from_bytes
from mnist_sum_tf.models.encoder import IMAGE_SHAPE, LOGITS_SHAPE

VERIFIED_BATCH_SIZES = (1, 2, 33)
TOLERANCE = 1e-4
# Pictures decoded at a time: a request's memory is bounded, its speed hardly.
PARALLEL_PICTURES = 2


def export_model(sum_model: keras.Model, export_dir) -> str:
    """Exports a model as the next version.

    It is written to a hidden folder beside `export_dir`, loaded again, compared
    with the model on every signature, and only then moved into `export_dir`: an
    interrupted export leaves nothing there.

    Args:
        sum_model: see `build_sum_model`; computes in float32.
        export_dir: the folder of versions; made if missing.

    Returns:
        The path of the new version, `export_dir/<version>`.

    Raises:
        UserError: if the folder cannot be written.
        ValueError: if the model does not compute in float32.
        RuntimeError: if the written model does not answer as the model does.
    """
    _check_float32(sum_model)
    export_dir = pathlib.Path(os.path.abspath(export_dir))
    try:
        export_dir.mkdir(parents=True, exist_ok=True)
        beside = tempfile.mkdtemp(
            prefix=f".{export_dir.name}-", dir=_folder_for_drafts(export_dir)
        )
    except OSError as error:
        raise config.UserError(
            "The export folder must be one that can be written. Received: "
            f"{export_dir} ({error.strerror})"
        ) from error
    try:
        draft = os.path.join(beside, "draft")
        write_saved_model(sum_model, draft)
        verify_saved_model(sum_model, draft)
        return _move_to_next_version(draft, export_dir)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check_float32(model: keras.Model) -> None:
    """Raises unless all that a model holds and computes is float32."""
    dtypes = {
        variable.path: variable.dtype
        for variable in model.variables
        if "float" in variable.dtype
    }
    # Under mixed_bfloat16 variables are float32, but layers do not compute so.
    for layer in model._flatten_layers():
        dtypes[layer.name] = layer.compute_dtype
    other = [f"{name}: {dtype}" for name, dtype in dtypes.items()
             if dtype != "float32"]  # fmt: skip
    if other:
        raise ValueError(
            "An exported model must compute in float32: rebuild it so, then "
            f"load its weights. Received: {', '.join(other[:3])}"
        )


def _folder_for_drafts(export_dir: pathlib.Path) -> pathlib.Path:
    """The folder above, unless moving from there would mean copying."""
    above = export_dir.parent
    is_same_disk = above.stat().st_dev == export_dir.stat().st_dev
    if is_same_disk and os.access(above, os.W_OK):
        return above
    # A mounted volume. Servers ignore folders whose names are no numbers.
    return export_dir


def _move_to_next_version(draft: str, export_dir: pathlib.Path) -> str:
    while True:
        version = max(versions(export_dir), default=0) + 1
        target = export_dir / str(version)
        try:
            os.rename(draft, target)
        except OSError:
            if not target.exists():
                raise
            continue  # Another export took this number meanwhile.
        return str(target)


def versions(export_dir) -> list[int]:
    """The version numbers in a folder, ascending."""
    return sorted(
        int(entry.name)
        for entry in pathlib.Path(export_dir).iterdir()
        if entry.name.isascii() and entry.name.isdigit() and entry.is_dir()
    )


def write_saved_model(sum_model: keras.Model, path: str) -> None:
    """Writes a SavedModel with the four signatures."""
    encoder = sum_model.get_layer("encoder")
    decoder = sum_model.get_layer("decoder")

    def serving_default(images):
        return _answer(sum_model(_checked(images, "images", IMAGE_SHAPE)))

    def serving_bytes(image_bytes):
        image_bytes = _checked(image_bytes, "image_bytes", ())
        return _answer(sum_model(canvases_from_bytes(image_bytes)))

    def encode(images):
        images = _checked(images, "images", IMAGE_SHAPE)
        return {"digit_logits": encoder(images)}

    def decode(digit_logits):
        logits = _checked(digit_logits, "digit_logits", LOGITS_SHAPE)
        return {"sum": decoder(logits)}

    images = tf.TensorSpec([None, *IMAGE_SHAPE], tf.uint8, "images")
    image_bytes = tf.TensorSpec([None], tf.string, "image_bytes")
    logits = tf.TensorSpec([None, *LOGITS_SHAPE], tf.float32, "digit_logits")
    archive = keras.export.ExportArchive()
    archive.track(sum_model)
    archive.add_endpoint("serving_default", serving_default, [images])
    archive.add_endpoint("serving_bytes", serving_bytes, [image_bytes])
    archive.add_endpoint("encode", encode, [images])
    archive.add_endpoint("decode", decode, [logits])
    archive.write_out(path, verbose=False)


def _checked(batch, name: str, shape) -> tf.Tensor:
    """The same batch, if it holds something, of the right shape.

    A server checks neither: an empty batch would fail deep in a kernel, and a
    wider image could flow on as two.
    """
    batch = tf.ensure_shape(batch, [None, *shape])
    is_filled = tf.debugging.Assert(
        tf.shape(batch)[0] > 0,
        [f"Expected at least one example in `{name}`. Received shape:",
         tf.shape(batch)],
    )  # fmt: skip
    with tf.control_dependencies([is_filled]):
        return tf.identity(batch)


def canvases_from_bytes(image_bytes) -> tf.Tensor:
    """Image files, string `[n]`, as canvases, uint8 `[n, 40, 168, 1]`."""
    return tf.map_fn(
        canvas_from_bytes, image_bytes,
        fn_output_signature=tf.TensorSpec(IMAGE_SHAPE, tf.uint8),
        parallel_iterations=PARALLEL_PICTURES,
    )  # fmt: skip


def _answer(outputs: dict) -> dict:
    """What the serving signatures return, of what the model computes."""
    digit_probabilities = outputs["digit_probabilities"]
    sum_probabilities = outputs["sum_probabilities"]
    # keras.ops.argmax would export to operations that ONNX lacks.
    return {
        "digits": tf.argmax(digit_probabilities, -1, tf.int32),
        "digit_probabilities": digit_probabilities,
        "sum": outputs["sum"],
        "sum_probabilities": sum_probabilities,
        "most_likely_sum": tf.argmax(sum_probabilities, -1, tf.int32),
    }


def verify_saved_model(sum_model: keras.Model, path: str) -> None:
    """Loads a SavedModel and compares each signature with the model.

    Raises:
        RuntimeError: if an answer differs by more than `TOLERANCE`.
    """
    signatures = tf.saved_model.load(path).signatures
    for batch_size in VERIFIED_BATCH_SIZES:
        images = _fixed_images(batch_size)
        files = tf.map_fn(tf.io.encode_png, images, tf.string)
        outputs = sum_model(images, training=False)
        answer = _answer(outputs)
        logits = outputs["digit_logits"]
        requests = {
            "serving_default": ({"images": images}, answer),
            "serving_bytes": ({"image_bytes": files}, answer),
            "encode": ({"images": images}, {"digit_logits": logits}),
            "decode": ({"digit_logits": logits}, {"sum": outputs["sum"]}),
        }
        if set(signatures) != set(requests):
            raise RuntimeError(
                f"Expected the signatures {sorted(requests)}. "
                f"Received: {sorted(signatures)}"
            )
        for name, (request, expected) in requests.items():
            received = signatures[name](**request)
            _compare(f"{name}, batch of {batch_size}", expected, received)


def _fixed_images(batch_size: int) -> tf.Tensor:
    """Bright bars and speckles on black, uint8, the same at each export."""
    rng = np.random.default_rng(batch_size)
    images = rng.integers(0, 256, (batch_size, *IMAGE_SHAPE), np.uint8)
    return tf.constant(np.where(images % 4 == 0, images, 0))


def _compare(what: str, expected: dict, received: dict) -> None:
    if set(received) != set(expected):
        raise RuntimeError(
            f"{what}: expected the outputs {sorted(expected)}. "
            f"Received: {sorted(received)}"
        )
    for key, value in expected.items():
        value, answer = value.numpy(), received[key].numpy()
        if value.shape != answer.shape or value.dtype != answer.dtype:
            raise RuntimeError(
                f"{what}: expected `{key}` {value.dtype}{value.shape}. "
                f"Received: {answer.dtype}{answer.shape}"
            )
        difference = np.max(np.abs(answer.astype(float) - value))
        if not difference <= TOLERANCE:  # Not-a-number must not pass.
            raise RuntimeError(
                f"{what}: `{key}` differs from the model's by up to "
                f"{TOLERANCE}. Received: {difference}"
            )
