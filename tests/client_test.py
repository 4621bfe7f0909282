"""The client asks again where that helps, and says plainly what went wrong."""

import http.server
import json
import shutil
import ssl
import subprocess
import threading
import time

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving")
pytest.importorskip("requests")

from mnist_sum_tf.config import UserError
from mnist_sum_tf.serving import client as clients
from mnist_sum_tf.serving import errors, load
from mnist_sum_tf.serving.client import Client, Server, connect
from mnist_sum_tf.serving.rest_transport import RestTransport

LOGITS = {"digit_logits": np.zeros((1, 4, 10), np.float32)}


class FakeTransport:
    """Fails as it is told, then answers."""

    def __init__(self, *failures, versions=None):
        self.failures = list(failures)
        self.states = versions or {}
        self.timeouts = []

    def predict(self, signature, inputs, timeout):
        self.timeouts.append(timeout)
        if self.failures:
            raise self.failures.pop(0)
        return {"sum": np.array([len(inputs)])}

    def versions(self, timeout):
        return self.states


@pytest.fixture
def no_pauses(monkeypatch):
    pauses = []
    monkeypatch.setattr(clients.time, "sleep", pauses.append)
    return pauses


@pytest.mark.parametrize(
    "error", [errors.ServerUnavailable, errors.ServerBusy]
)
def test_temporary_failures_are_repeated_ever_later(no_pauses, error):
    transport = FakeTransport(error("1"), error("2"), error("3"))
    client = Client(transport, timeout_seconds=30)
    assert client.predict("decode", LOGITS)["sum"] == [1]
    assert len(transport.timeouts) == 4
    for pause, longest in zip(no_pauses, (0.1, 0.2, 0.4)):
        assert longest / 2 <= pause <= longest


@pytest.mark.parametrize(
    "error",
    [errors.RequestRefused, errors.MessageTooLarge, errors.DeadlineExceeded,
     errors.AccessRefused, errors.ServingError],
)  # fmt: skip
def test_other_failures_are_not_repeated(no_pauses, error):
    transport = FakeTransport(error("reason"))
    with pytest.raises(error, match="reason"):
        Client(transport).predict("decode", LOGITS)
    assert len(transport.timeouts) == 1


def test_there_is_an_end_to_repeating(no_pauses):
    transport = FakeTransport(*[errors.ServerBusy("busy")] * 9)
    with pytest.raises(errors.ServerBusy):
        Client(transport, max_attempts=3).predict("decode", LOGITS)
    assert len(transport.timeouts) == 3


def test_the_deadline_includes_repetitions():
    transport = FakeTransport(*[errors.ServerBusy("busy")] * 99)
    client = Client(transport, timeout_seconds=0.5, max_attempts=99)
    start = time.monotonic()
    with pytest.raises(errors.ServerBusy):
        client.predict("decode", LOGITS)
    assert time.monotonic() - start < 0.6
    assert transport.timeouts == sorted(transport.timeouts, reverse=True)


def test_a_version_that_is_being_loaded_is_waited_for(no_pauses):
    missing = errors.ModelNotFound("no model")
    transport = FakeTransport(missing, missing, versions={3: "LOADING"})
    client = Client(transport)
    assert client.predict("decode", LOGITS)["sum"] == [1]
    transport.failures = [missing] * 9
    with pytest.raises(errors.VersionNotReady, match="Received: 3 LOADING"):
        client.predict("decode", LOGITS)


@pytest.mark.parametrize("error", [errors.RequestRefused, errors.MessageTooLarge])
def test_only_the_bad_files_fail(error):
    class Reader(FakeTransport):
        def predict(self, signature, inputs, timeout):
            files = inputs["image_bytes"]
            self.timeouts.append(len(files))
            if b"bad" in list(files):
                raise error("bad file")
            return {"sum": np.array([int(file) for file in files])}

    transport = Reader()
    files = [str(i).encode() for i in range(16)]
    files[3] = files[12] = b"bad"
    rows = Client(transport).read_files(files)
    for i, row in enumerate(rows):
        if i in (3, 12):
            assert isinstance(row, error)
        else:
            assert row == {"sum": i}
    assert len(transport.timeouts) <= 2 * 2 * 4 + 1


@pytest.mark.parametrize(
    "url",
    ["localhost:8501", "ftp://host", "http://", "grpc://host:port", "",
     "http://[::1:8501"],
)  # fmt: skip
def test_an_address_that_is_none(url):
    with pytest.raises(UserError, match="--server must be .* Received: "):
        connect(Server(url))


def test_a_token_is_not_sent_in_the_clear():
    for scheme in ("http", "grpc"):
        with pytest.raises(UserError, match="only sent encrypted"):
            connect(Server(f"{scheme}://example.org", token="secret"))
    connect(Server("http://localhost:1", token="secret")).close()


@pytest.mark.parametrize("token", ["secret\n", "se\ncret", "secrét"])
def test_a_token_that_is_none_is_not_shown(token):
    with pytest.raises(UserError, match="printable ASCII") as raised:
        connect(Server("https://host", token=token))
    assert "secr" not in str(raised.value)


def test_certificates_that_are_none(tmp_path):
    with pytest.raises(UserError, match="expected a PEM file"):
        connect(Server("https://host", ca_certificates=tmp_path / "missing"))
    (tmp_path / "empty").touch()
    with pytest.raises(UserError, match="without a certificate"):
        connect(Server("grpcs://host", ca_certificates=tmp_path / "empty"))


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_there(scheme):
    client = connect(Server(f"{scheme}://localhost:1"), timeout_seconds=3)
    with pytest.raises(errors.ServerUnavailable) as raised:
        client.predict("decode", LOGITS)
    message = str(raised.value)
    assert f"{scheme}://localhost:1: expected a model server there" in message
    assert "\n" not in message


class Proxy(http.server.BaseHTTPRequestHandler):
    """Answers as it is told and keeps the headers."""

    status, body, pause = 200, b"{}", 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).received = self.headers
        time.sleep(self.pause)
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args):
        pass


@pytest.fixture
def proxy():
    class Handler(Proxy):
        pass

    server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    server.handle_error = lambda *args: None
    Handler.port = server.server_address[1]
    Handler.server = server
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Handler
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.RequestRefused),
        (401, errors.AccessRefused),
        (403, errors.AccessRefused),
        (413, errors.MessageTooLarge),
        (429, errors.ServerBusy),
        (500, errors.ServingError),
        (302, errors.ServingError),
        (200, errors.ServingError),
        (502, errors.ServerUnavailable),
        (503, errors.ServerUnavailable),
        (504, errors.DeadlineExceeded),
    ],
)
def test_what_a_proxy_answers(proxy, status, error):
    proxy.status, proxy.body = status, b"<html>\nA page of a proxy"
    transport = RestTransport(f"http://localhost:{proxy.port}", "mnist_sum")
    with pytest.raises(error) as raised:
        transport.predict("decode", LOGITS, 5)
    assert type(raised.value) is error
    assert str(raised.value).endswith(f"Received: status {status}, <html>")


@pytest.mark.parametrize("body", ['{"status": "ok"}', "[1, 2]", "null", "7"])
def test_what_another_service_answers(proxy, body):
    proxy.body = body.encode()
    transport = RestTransport(f"http://localhost:{proxy.port}", "mnist_sum")
    with pytest.raises(errors.ServingError) as raised:
        transport.predict("decode", LOGITS, 5)
    assert str(raised.value).endswith(f"Received: status 200, {body}")


def test_a_server_that_is_too_slow(proxy):
    proxy.pause = 2
    client = connect(Server(f"http://localhost:{proxy.port}"), 0.3)
    start = time.monotonic()
    with pytest.raises(errors.DeadlineExceeded, match="expected an answer in"):
        client.predict("decode", LOGITS)
    assert time.monotonic() - start < 1.5


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-keyout", "key.pem", "-out", "cert.pem", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, cwd=folder, capture_output=True,
    )  # fmt: skip
    return folder


def test_https_behind_a_proxy_with_a_token(proxy, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    proxy.server.socket = context.wrap_socket(
        proxy.server.socket, server_side=True
    )
    proxy.body = json.dumps({"outputs": [7.0]}).encode()
    url = f"https://localhost:{proxy.port}/team"
    trusting = connect(
        Server(url, ca_certificates=certificate / "cert.pem", token="secret")
    )
    assert trusting.predict("decode", LOGITS)["sum"] == [7.0]
    assert proxy.received["Authorization"] == "Bearer secret"
    distrusting = connect(Server(url, token="secret"))
    with pytest.raises(errors.ServingError, match="is not trusted"):
        distrusting.predict("decode", LOGITS)


def test_load_counts_answers_and_failures():
    lock, number = threading.Lock(), iter(range(10**9))

    def ask():
        with lock:
            is_failed = next(number) % 3 == 0
        time.sleep(0.002)
        if is_failed:
            raise errors.ServerBusy("too much")
        return 4

    measured = load.measure_load(ask, concurrency=4, seconds=0.4)
    assert measured.num_images == 4 * measured.num_requests
    assert len(measured.milliseconds) == measured.num_requests > 10
    half = measured.num_requests / 2
    assert measured.num_failed == pytest.approx(half, abs=4)
    assert measured.milliseconds.min() >= 2
    text = load.format_load(measured)
    assert "p50 " in text and "requests/s" in text and "too much" in text
