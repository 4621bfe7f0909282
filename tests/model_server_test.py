"""New versions, many requests at once, and the script, against a server."""

import json
import os
import pathlib
import resource
import shutil
import time

import numpy as np
import preloaded
import pytest

pytest.importorskip("tensorflow_serving")

from model_server import STATE, ModelServer

from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving import errors, export, load
from mnist_sum_tf.serving.client import Server, connect
from mnist_sum_tf.serving.version_status import VersionStatus

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
SAMPLES = REPOSITORY / "exported_models" / "samples"
IMAGES = np.zeros((1, 40, 168, 1), np.uint8)


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    model = build_sum_model(build_encoder(base_channels=2), build_decoder())
    return export.export_model(model, tmp_path_factory.mktemp("m") / "model")


@pytest.fixture(scope="module")
def server(version):
    server = ModelServer(pathlib.Path(version).parent)
    server.wait(1)
    yield server
    server.stop()


def test_new_versions_take_over_when_they_are_warm(version, tmp_path):
    server = ModelServer(tmp_path, poll_seconds=0.05)
    client, other = (
        connect(Server(url), timeout_seconds=60)
        for url in (server.grpc_url, server.rest_url)
    )
    try:
        for each in (client, other):
            with pytest.raises(errors.ModelNotFound):
                each.read_images(IMAGES)
        _put(version, tmp_path / "1")
        server.wait(1)
        assert server.versions[1].num_warmups == 9
        available = VersionStatus("AVAILABLE")
        assert client.versions() == other.versions() == {1: available}
        # A version that does not load leaves the one before in place.
        (tmp_path / "2").mkdir()
        while server.states.get(2) != STATE.END:
            time.sleep(0.01)
        for each in (client, other):
            assert each.versions()[1] == available
            assert each.versions()[2].state == "END"
            assert "SavedModel file does not exist" in each.versions()[2].error_message
        assert client.read_images(IMAGES)["sum"].shape == (1,)
        _put(version, tmp_path / "3")
        server.wait(3)
        assert other.read_images(IMAGES)["sum"].shape == (1,)
        assert other.versions()[3] == available
    finally:
        server.stop()


def test_a_version_that_did_not_load_is_not_waited_for(tmp_path):
    (tmp_path / "5").mkdir()
    server = ModelServer(tmp_path, poll_seconds=0.05)
    try:
        while server.states.get(5) != STATE.END:
            time.sleep(0.01)
        for url in (server.grpc_url, server.rest_url):
            start = time.monotonic()
            with pytest.raises(
                errors.ModelNotFound,
                match=r"Received: 5 END \(SavedModel file does not exist",
            ):
                connect(Server(url), timeout_seconds=60).read_images(IMAGES)
            assert time.monotonic() - start < 30
    finally:
        server.stop()


def _put(version, path):
    """Copies beside, then renames: a server never finds half a version."""
    shutil.copytree(version, path.with_name(f".{path.name}"))
    os.rename(path.with_name(f".{path.name}"), path)


@pytest.mark.parametrize("kind", ["grpc", "rest"])
def test_two_hundred_requests_at_once(server, kind):
    url = server.grpc_url if kind == "grpc" else server.rest_url
    client = connect(Server(url), timeout_seconds=60)
    images = np.repeat(IMAGES, 2, axis=0)
    expected = client.read_images(images)

    def ask():
        answer = client.read_images(images)
        np.testing.assert_allclose(answer["sum"], expected["sum"], atol=1e-4)
        return len(images)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measured = load.measure_load(ask, concurrency=200, seconds=2)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert measured.num_failed == 0, measured.first_failure
    assert measured.num_requests >= 200
    assert grown < 1_000_000  # Kilobytes.
    assert ask() == 2


def run_script(*arguments):
    script = REPOSITORY / "scripts" / "query_server.py"
    return preloaded.run([script, *arguments], "/", timeout=300)


def test_the_script_reads_a_folder_and_names_the_broken(server, tmp_path):
    for path in sorted(SAMPLES.glob("*.png"))[:3]:
        shutil.copy(path, tmp_path)
    (tmp_path / "0broken.png").write_bytes(b"no image")
    result = run_script(
        tmp_path / "missing.png", tmp_path, "--json", f"--server={server.grpc_url}"
    )
    assert result.returncode == 1
    readings = json.loads(result.stdout)
    assert [os.path.basename(each["path"]) for each in readings] == sorted(
        path.name for path in tmp_path.glob("*_*.png")
    )
    for reading in readings:
        assert list(reading) == ["path", "digits", "sum", "probability"]
    missing, broken = [x for x in result.stderr.splitlines() if "error: " in x]
    assert missing.startswith(f"error: {tmp_path}/missing.png: there is no such")
    assert broken.startswith(f"error: {tmp_path}/0broken.png: expected a PNG")


def test_the_script_finds_no_server():
    result = run_script(SAMPLES, "--server=http://localhost:1", "--timeout_seconds=2")
    assert result.returncode == 1 and result.stdout == ""
    assert "Traceback" not in result.stderr
    assert (
        result.stderr.count(
            "waiting for the server: http://localhost:1: expected a model server there"
        )
        == 1
    )
    assert "error: http://localhost:1: expected a model server there" in (result.stderr)


def test_the_script_under_load(server):
    result = run_script(
        SAMPLES,
        f"--server={server.rest_url}",
        "--load_seconds=1",
        "--concurrency=2",
        "--signature=serving_default",
    )
    assert result.returncode == 0, result.stderr
    assert "0 failed" in result.stdout and "p99" in result.stdout
