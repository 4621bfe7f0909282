"""The SavedModel answers as the model does, on every signature."""

import io
import os

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.data.pictures import canvas_from_bytes
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving import export, verification
from mnist_sum_tf.serving.addresses import Server
from mnist_sum_tf.serving.formats import file_export
from mnist_sum_tf.user_errors import UserError

ANSWER = {
    "digits": ("int32", [None, 4]),
    "digit_probabilities": ("float32", [None, 4, 10]),
    "sum": ("float32", [None]),
    "sum_probabilities": ("float32", [None, 37]),
    "most_likely_sum": ("int32", [None]),
}
IMAGES = ("uint8", [None, 40, 168, 1])
LOGITS = ("float32", [None, 4, 10])


@pytest.fixture(scope="module")
def sum_model():
    return build_sum_model(build_encoder(base_channels=2), build_decoder())


@pytest.fixture(scope="module")
def exported(sum_model, tmp_path_factory):
    export_dir = tmp_path_factory.mktemp("parent") / "mine"
    return export.export_model(sum_model, export_dir)


@pytest.fixture(scope="module")
def signatures(exported):
    loaded = tf.saved_model.load(exported)
    yield loaded.signatures
    del loaded  # The signatures hold the model only weakly.


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (3, 40, 168, 1), np.uint8)


def png(pixels):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def describe(specs):
    return {
        name: (spec.dtype.name, spec.shape.as_list()) for name, spec in specs.items()
    }


def test_the_first_version_is_1_and_stands_alone(exported):
    export_dir = os.path.dirname(exported)
    assert os.path.basename(exported) == "1"
    assert os.listdir(export_dir) == ["1"]
    assert os.listdir(os.path.dirname(export_dir)) == ["mine"]
    assert os.path.isfile(os.path.join(exported, "saved_model.pb"))


def test_each_variable_is_written_once(exported, sum_model):
    path = os.path.join(exported, "variables", "variables")
    written = sum(int(np.prod(shape)) for _, shape in tf.train.list_variables(path))
    held = sum(int(np.prod(v.shape)) for v in sum_model.variables)
    assert held - 100 < written < held + 100  # Seeds are not written.


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("serving_default", {"images": IMAGES}, ANSWER),
        ("serving_bytes", {"image_bytes": ("string", [None])}, ANSWER),
        ("encode", {"images": IMAGES}, {"digit_logits": LOGITS}),
        ("decode", {"digit_logits": LOGITS}, {"sum": ("float32", [None])}),
    ],
)
def test_names_types_and_shapes(signatures, name, inputs, outputs):
    assert len(signatures) == 4
    signature = signatures[name]
    assert describe(signature.structured_input_signature[1]) == inputs
    assert describe(signature.structured_outputs) == outputs


def test_answers_are_the_models(sum_model, signatures, images):
    expected = sum_model(images)
    answer = signatures["serving_default"](images=tf.constant(images))
    for name in ("digit_probabilities", "sum_probabilities", "sum"):
        np.testing.assert_allclose(answer[name], expected[name], atol=1e-5)
    np.testing.assert_array_equal(
        answer["digits"], np.argmax(expected["digit_probabilities"], -1)
    )
    np.testing.assert_array_equal(
        answer["most_likely_sum"], np.argmax(expected["sum_probabilities"], -1)
    )
    logits = signatures["encode"](images=tf.constant(images))["digit_logits"]
    np.testing.assert_allclose(logits, expected["digit_logits"], atol=1e-5)
    sums = signatures["decode"](digit_logits=logits)["sum"]
    np.testing.assert_allclose(sums, expected["sum"], atol=1e-4)


def test_bytes_are_read_as_predict_reads_them(sum_model, signatures, images):
    photo = np.full((300, 700, 3), 200, np.uint8)
    photo[100:200, 300:320] = 30
    files = [png(images[0, ..., 0]), png(photo)]
    canvases = tf.stack([canvas_from_bytes(file) for file in files])
    answer = signatures["serving_bytes"](image_bytes=tf.constant(files))
    expected = sum_model(canvases)
    for name in ("digit_probabilities", "sum_probabilities", "sum"):
        np.testing.assert_allclose(answer[name], expected[name], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("serving_default", {"images": tf.zeros([0, 40, 168, 1], tf.uint8)}),
        ("serving_bytes", {"image_bytes": tf.constant([], tf.string)}),
        ("encode", {"images": tf.zeros([0, 40, 168, 1], tf.uint8)}),
        ("decode", {"digit_logits": tf.zeros([0, 4, 10])}),
    ],
)
def test_empty_batches_are_refused_by_name(signatures, name, request_):
    (input_name,) = request_
    message = f"Expected 1 to 1024 examples in `{input_name}`"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signatures[name](**request_)


def test_huge_batches_are_refused(signatures):
    logits = tf.zeros([1024, 4, 10])
    assert len(signatures["decode"](digit_logits=logits)["sum"]) == 1024
    images = tf.zeros([1025, 40, 168, 1], tf.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="1 to 1024"):
        signatures["serving_default"](images=images)


def test_a_broken_image_is_refused(signatures, images):
    files = [png(images[0, ..., 0]), b"no image"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expected a PNG"):
        signatures["serving_bytes"](image_bytes=tf.constant(files))


@pytest.mark.parametrize(
    "shape", [(2, 80, 168, 1), (1, 40, 336, 1), (1, 168, 40, 1), (40, 168, 1)]
)
def test_the_graph_itself_refuses_other_shapes(exported, shape):
    """As a server would meet them: fed with no check of Python's."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], exported)
        signature = loaded.signature_def["serving_default"]
        callable_options = config_pb2.CallableOptions(
            feed=[signature.inputs["images"].name],
            fetch=[signature.outputs["sum"].name],
        )
        run = session._make_callable_from_options(callable_options)
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="not compatible with expected"
        ):
            run(np.zeros(shape, np.uint8))


def test_warmup_requests_are_what_a_server_reads(exported, signatures):
    """By TensorFlow Serving's own messages."""
    prediction_log_pb2 = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2"
    )
    path = os.path.join(exported, "assets.extra", "tf_serving_warmup_requests")
    answered = []
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.name == Server("http://host").model == "mnist_sum"
        inputs = {
            name: tf.constant(tf.make_ndarray(tensor))
            for name, tensor in request.inputs.items()
        }
        name = request.model_spec.signature_name
        (output, *_) = signatures[name](**inputs).values()
        answered.append((name, len(output)))
    assert set(answered) == {("serving_bytes", 2)} | {
        (name, size) for name in signatures for size in (1, 32)
    }


def test_a_model_that_answers_otherwise_is_not_exported(exported):
    other = build_sum_model(build_encoder(base_channels=2), build_decoder())
    with pytest.raises(RuntimeError, match="differs from the model's"):
        export.verify_saved_model(other, exported)


@pytest.mark.parametrize(
    ("name", "size"),
    [("serving_default", 1), ("serving_bytes", 2), ("encode", 33), ("decode", 33)],
)
def test_each_signature_is_compared(sum_model, signatures, name, size):
    def changed(**request):
        (value,) = request.values()
        return {
            key: answer + 1 if len(value) == size else answer
            for key, answer in signatures[name](**request).items()
        }

    with pytest.raises(RuntimeError, match=f"^{name}, batch of {size}: .* differs"):
        verification.verify_signatures(sum_model, {**signatures, name: changed})
    with pytest.raises(RuntimeError, match="^Expected the signatures .*'more'"):
        verification.verify_signatures(sum_model, {**signatures, "more": changed})


def test_models_are_compared_on_digits_they_were_not_trained_on():
    images = verification._fixed_images(2)
    assert (images.dtype, images.shape) == (tf.uint8, (2, 40, 168, 1))
    digits = load_digits(split="validation").images[:8]
    left_out = np.array(images)[..., 0]
    for place, digit in enumerate(digits):
        image, cell = divmod(place, 4)
        inner = left_out[image, 6:34, 42 * cell + 7 : 42 * cell + 35]
        np.testing.assert_array_equal(inner, digit)
        inner[:] = 0
    assert not left_out.any()
    np.testing.assert_array_equal(images, verification._fixed_images(33)[:2])


@pytest.mark.parametrize(
    ("received", "message"),
    [
        ({"sum": np.float32([1, 2 - 2e-4])}, "`sum` differs from the model's"),
        ({"sum": np.float32([1, 2 + 2e-4])}, "`sum` differs from the model's"),
        ({"sum": np.float32([1, np.nan])}, "`sum` differs from the model's"),
        ({"sum": np.float64([1, 2])}, r"expected `sum` float32\(2,\)"),
        ({"sum": np.float32([[1, 2]])}, r"expected `sum` float32\(2,\)"),
        ({"sum": np.float32([1, 2]), "more": 0}, r"expected the outputs \['sum'\]"),
    ],
)
def test_what_is_another_answer(received, message):
    expected = {"sum": np.float32([1, 2])}
    verification._compare("decode", expected, {"sum": np.float32([1, 2 - 5e-5])})
    with pytest.raises(RuntimeError, match=f"^decode: {message}"):
        verification._compare("decode", expected, received)


def test_only_float32_is_exported(tmp_path):
    encoder = build_encoder(base_channels=2, dtype="mixed_bfloat16")
    model = build_sum_model(encoder, build_decoder())
    with pytest.raises(ValueError, match="Received: .*bfloat16"):
        export.export_model(model, tmp_path / "models")
    assert list(tmp_path.iterdir()) == []


def test_an_export_folder_that_is_a_file(sum_model, tmp_path):
    (tmp_path / "models").touch()
    with pytest.raises(UserError, match="Received: .*models"):
        export.export_model(sum_model, tmp_path / "models")


@pytest.mark.parametrize("number", [np.nan, -np.inf])
def test_a_model_of_a_failed_training_is_not_exported(tmp_path, number):
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    bias = model.get_layer("encoder").get_layer("logits").bias
    bias.assign(bias.numpy() * 0 + number)
    for write in (
        lambda: export.export_model(model, tmp_path / "new"),
        lambda: file_export.export_file(model, tmp_path / "new", "litert"),
    ):
        with pytest.raises(UserError, match=r"Received: NaN or infinity in .*logits/"):
            write()
    assert not (tmp_path / "new").exists()
