"""What a client may rely on, by gRPC and by REST.

Against the stand-in for TensorFlow Serving, or against a real server that
serves the model of `MNIST_SUM_MODEL` at `MNIST_SUM_GRPC` and `MNIST_SUM_REST`
(`scripts/serving/check_against_docker.sh` sets all three).
"""

import base64
import io
import os
import pathlib

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

pytest.importorskip("tensorflow_serving")

import requests
from model_server import ModelServer

from mnist_sum_tf import prediction
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.runtimes import saved_model
from mnist_sum_tf.serving import errors, export, queries
from mnist_sum_tf.serving.client import Server, connect
from mnist_sum_tf.serving.image_bytes import as_image_bytes
from mnist_sum_tf.serving.version_status import VersionStatus
from mnist_sum_tf.user_errors import UserError

REAL_MODEL = os.environ.get("MNIST_SUM_MODEL")
SAMPLES = pathlib.Path(__file__).parents[1] / "exported_models"
OUTPUTS = {
    "digits": (np.int32, (4,)),
    "digit_probabilities": (np.float32, (4, 10)),
    "sum": (np.float32, ()),
    "sum_probabilities": (np.float32, (37,)),
    "most_likely_sum": (np.int32, ()),
}


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    if REAL_MODEL:
        return pathlib.Path(REAL_MODEL)
    path = tmp_path_factory.mktemp("models") / "mnist_sum"
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    export.export_model(model, path)
    return path


@pytest.fixture(scope="module")
def signatures(model_dir):
    loaded = tf.saved_model.load(str(saved_model.find_saved_model(model_dir)))
    yield loaded.signatures
    del loaded  # The signatures hold the model only weakly.


@pytest.fixture(scope="module")
def urls(model_dir):
    if REAL_MODEL:
        rest, grpc = os.environ["MNIST_SUM_REST"], os.environ["MNIST_SUM_GRPC"]
        yield {"rest": rest, "grpc": grpc}
        return
    server = ModelServer(model_dir)
    server.wait(1)
    yield {"rest": server.rest_url, "grpc": server.grpc_url}
    server.stop()


@pytest.fixture(params=["grpc", "rest"])
def client(request, urls):
    client = connect(Server(urls[request.param]), timeout_seconds=60)
    yield client
    client.close()


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (3, 40, 168, 1), np.uint8)


def encode(pixels, kind="PNG", **options):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def test_a_version_is_available(client):
    assert VersionStatus("AVAILABLE") in client.versions().values()


def test_the_signatures_are_the_contract(client):
    found = {
        name: (set(definition["inputs"]), set(definition["outputs"]))
        for name, definition in client.signatures().items()
    }
    assert found == {
        "serving_default": ({"images"}, set(OUTPUTS)),
        "serving_bytes": ({"image_bytes"}, set(OUTPUTS)),
        "encode": ({"images"}, {"digit_logits"}),
        "decode": ({"digit_logits"}, {"sum"}),
    }


def test_images_are_read_as_python_reads_them(client, signatures, images):
    answer = client.read_images(images)
    expected = signatures["serving_default"](images=tf.constant(images))
    assert set(answer) == set(OUTPUTS)
    for name, (dtype, shape) in OUTPUTS.items():
        assert answer[name].dtype == dtype
        assert answer[name].shape == (3, *shape)
        np.testing.assert_allclose(answer[name], expected[name], atol=1e-4)


def test_encode_and_decode(client, signatures, images):
    logits = client.predict("encode", {"images": images})["digit_logits"]
    expected = signatures["encode"](images=tf.constant(images))
    np.testing.assert_allclose(logits, expected["digit_logits"], atol=1e-4)
    sums = client.predict("decode", {"digit_logits": logits})["sum"]
    expected = signatures["decode"](digit_logits=tf.constant(logits))["sum"]
    np.testing.assert_allclose(sums, expected, atol=1e-3)


@pytest.mark.parametrize("folder", ["samples", "photographs"])
def test_files_are_read_as_predict_reads_them(client, model_dir, folder):
    paths = prediction.find_images([SAMPLES / folder])
    model = prediction.load_model(model_dir)
    expected = prediction.read_sums(paths, model)
    for signature in ("serving_bytes", "serving_default"):
        received = list(queries.query_files(client, paths, signature, 2))
        assert [each[:3] for each in received] == [e[:3] for e in expected]
        for one, other in zip(received, expected):
            assert one.probability == pytest.approx(other.probability, abs=1e-4)


def test_every_batch_size_gives_the_same(client, images):
    alone = client.read_images(images[:1])
    many = client.read_images(np.repeat(images[:1], 70, axis=0))
    assert len(many["sum"]) == 70
    for name, value in alone.items():
        expected = np.repeat(value, 70, axis=0)
        np.testing.assert_allclose(many[name], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("serving_default", {"images": np.zeros((0, 40, 168, 1), np.uint8)}, None),
        ("serving_bytes", {"image_bytes": as_image_bytes([])}, None),
        (
            "serving_default",
            {"images": np.zeros((1, 80, 168, 1), np.uint8)},
            "not compatible with expected",
        ),
        ("serving_default", {"images": np.zeros((40, 168, 1), np.uint8)}, None),
        ("serving_default", {"images": np.full((1, 40, 168, 1), 0.5)}, None),
        ("serving_default", {"pictures": np.zeros((1, 40, 168, 1), np.uint8)}, None),
        (
            "serving_bytes",
            {"image_bytes": as_image_bytes([b"no image"])},
            "Expected a PNG",
        ),
        ("decode", {"digit_logits": np.zeros((1, 4, 9), np.float32)}, None),
        ("no_signature", {"images": np.zeros((1, 40, 168, 1), np.uint8)}, "not found"),
    ],
)
def test_what_is_wrong_is_refused_at_once(client, images, signature, inputs, message):
    with pytest.raises(errors.RequestRefused, match=message) as raised:
        client.predict(signature, inputs)
    assert "\n" not in str(raised.value)
    assert client.read_images(images[:1])["sum"].shape == (1,)


def hostile_files():
    pixels = np.zeros((40, 168), np.uint8)
    pixels[10:30, ::20] = 255
    huge = bytearray(encode(pixels))
    huge[16:24] = (10_000).to_bytes(4, "big") * 2
    jpeg = encode(pixels, "JPEG")
    return {
        "a 100-megapixel PNG": (bytes(huge), False),
        "a truncated JPEG": (jpeg[: len(jpeg) // 2], False),
        "no bytes": (b"", False),
        "zeros": (bytes(1000), False),
        "text": (b"0428", False),
        "an animated GIF": (
            encode(
                pixels,
                "GIF",
                save_all=True,
                append_images=[PIL.Image.fromarray(255 - pixels)],
            ),
            True,
        ),
        "a 16-bit PNG": (encode(pixels.astype(np.uint16) * 257), True),
        "an alpha PNG": (encode(np.dstack([pixels] * 4)), True),
        "a PNG": (encode(pixels), True),
    }


@pytest.mark.parametrize("signature", ["serving_bytes", "serving_default"])
def test_broken_images_do_not_spoil_the_good_ones(client, tmp_path, signature):
    kinds = hostile_files()
    for number, (content, _) in enumerate(kinds.values()):
        (tmp_path / f"{number}.png").write_bytes(content)
    paths = sorted(map(str, tmp_path.iterdir()))
    answers = list(queries.query_files(client, paths, signature))
    (*_, expected) = answers
    for path, kind, answer in zip(paths, kinds, answers):
        _, is_good = kinds[kind]
        assert answer.path == path
        assert isinstance(answer, prediction.Reading) == is_good, kind
        if is_good:
            assert answer[1:3] == expected[1:3], kind
        else:
            assert answer.reason.startswith(f"{path}: "), kind
            assert "\n" not in answer.reason


def test_the_client_sends_no_canvas_without_ink(client, tmp_path):
    path = str(tmp_path / "blank.png")
    PIL.Image.new("L", (60, 30), 255).save(path)
    (answer,) = queries.query_files(client, [path], "serving_default")
    assert answer.reason.endswith("Received: a picture without ink")


def test_the_server_names_no_broken_image_but_the_client_does(client):
    """Past what the client checks itself, as another client would send it."""
    files = {kind: file for kind, (file, _) in hostile_files().items()}
    rows = client.read_files(list(files.values()))
    is_good = [isinstance(row, dict) for row in rows]
    assert is_good == [good for _, good in hostile_files().values()]
    reasons = dict(zip(files, map(str, rows)))
    assert "Received" in reasons["a 100-megapixel PNG"]
    assert "100000000" in reasons["a 100-megapixel PNG"]


def test_ten_thousand_images_in_one_call(client, signatures):
    images = np.zeros((10_000, 40, 168, 1), np.uint8)
    with pytest.raises(errors.MessageTooLarge, match="Received: .*[0-9]{8}"):
        client.predict("serving_default", {"images": images})
    with pytest.raises(errors.RequestRefused, match="Expected 1 to 1024"):
        client.predict(
            "decode", {"digit_logits": np.zeros((10_000, 4, 10)).astype(np.float32)}
        )
    assert client.read_images(images[:1])["digits"].shape == (1, 4)


def test_other_kinds_of_images_are_not_sent(client):
    with pytest.raises(UserError, match=r"Received: float32 \[1, 40, 168, 1\]"):
        client.read_images(np.zeros((1, 40, 168, 1), np.float32))


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_models_and_versions_that_are_not_there(urls, images, kind):
    for server in (Server(urls[kind], "other"), Server(urls[kind], version=99)):
        client = connect(server)
        with pytest.raises(errors.ModelNotFound):
            client.read_images(images[:1])
        with pytest.raises(errors.ModelNotFound):
            client.versions()


def test_a_version_by_number(urls, images):
    for url in urls.values():
        (number, _), *_ = connect(Server(url)).versions().items()
        client = connect(Server(url, version=number))
        assert client.read_images(images[:1])["sum"].shape == (1,)


class TestRest:
    """Routes and formats that the client does not use, others do."""

    @pytest.fixture
    def url(self, urls):
        return f"{urls['rest']}/v1/models/mnist_sum"

    def post(self, url, **body):
        response = requests.post(f"{url}:predict", json=body)
        return response.status_code, response.json()

    def test_status(self, url):
        (status, *_) = requests.get(url).json()["model_version_status"]
        assert status["state"] == "AVAILABLE"
        assert status["version"].isdigit()

    def test_metadata(self, url):
        metadata = requests.get(f"{url}/metadata").json()
        assert metadata["model_spec"]["name"] == "mnist_sum"
        definitions = metadata["metadata"]["signature_def"]["signature_def"]
        images = definitions["serving_default"]["inputs"]["images"]
        assert images["dtype"] == "DT_UINT8"
        sizes = [dim["size"] for dim in images["tensor_shape"]["dim"]]
        assert sizes == ["-1", "40", "168", "1"]

    def test_rows_and_columns_agree(self, url, images):
        pixels = images[:2].tolist()
        status, rows = self.post(url, instances=pixels)
        assert status == 200
        _, named = self.post(url, instances=[{"images": p} for p in pixels])
        _, columns = self.post(url, inputs={"images": pixels})
        assert set(columns["outputs"]) == set(OUTPUTS)
        for i in range(2):
            for name, value in columns["outputs"].items():
                for answer in (rows, named):
                    np.testing.assert_allclose(
                        answer["predictions"][i][name], value[i], atol=1e-5
                    )

    def test_bytes_in_base_64(self, url, images):
        file = base64.b64encode(encode(images[0, ..., 0])).decode()
        for body in (
            {"instances": [{"b64": file}]},
            {"instances": [{"image_bytes": {"b64": file}}]},
        ):
            status, answer = self.post(url, signature_name="serving_bytes", **body)
            assert status == 200
            assert len(answer["predictions"][0]["digits"]) == 4

    @pytest.mark.parametrize(
        "body",
        [
            {"signature_name": "serving_bytes", "instances": [{"b64": "%%"}]},
            {"signature_name": "none", "instances": [1]},
            {"instances": []},
            {"instances": [[1, 2], [3]]},
            {"instances": ["text"]},
            {"other": 1},
        ],
    )
    def test_garbage(self, url, body, images):
        status, answer = self.post(url, **body)
        assert status == 400 and answer["error"]
        assert self.post(url, instances=images[:1].tolist())[0] == 200

    def test_no_json(self, url):
        response = requests.post(f"{url}:predict", data=b"\xff\x00{")
        assert response.status_code == 400 and response.json()["error"]
        assert requests.get(f"{url}/else").status_code in (400, 404)
