"""The page's server, asked without a browser."""

import base64
import json
import pathlib
import socket

import numpy as np
import pytest
from demo_fixtures import PHOTOGRAPHS, ask, predict, server, serving
from proxy_fixtures import certificate, encrypt, proxy

from mnist_sum_tf.data.pictures import canvas_of
from mnist_sum_tf.demo import answerers, handler, served_files
from mnist_sum_tf.demo import server as demo
from mnist_sum_tf.runtimes.outputs import OUTPUTS
from mnist_sum_tf.serving import addresses
from mnist_sum_tf.user_errors import UserError

MODEL = pathlib.Path(__file__).parents[1] / "exported_models" / "mnist_sum"


def test_it_serves_the_page_and_nothing_else(server):
    response, content = ask(server, "GET", "/")
    assert response.status == 200
    assert response.getheader("Content-Type") == "text/html; charset=utf-8"
    assert "default-src 'self'" in response.getheader("Content-Security-Policy")
    assert content == (served_files.PAGE / "index.html").read_bytes()
    for path in ("/server.py", "/../server.py", "/%2e%2e/server.py", "/page"):
        assert ask(server, "GET", path)[0].status == 404, path


def test_every_module_of_the_page_is_served_as_a_script(server):
    modules = sorted(served_files.PAGE.glob("*.js"))
    assert len(modules) > 5
    for path in modules:
        response, content = ask(server, "GET", f"/{path.name}")
        assert response.getheader("Content-Type").startswith("text/javascript")
        assert content == path.read_bytes()


def test_examples_are_listed_and_served(server):
    paths = json.loads(ask(server, "GET", "/examples.json")[1])
    assert paths == [f"/examples/{path.name}" for path in sorted(PHOTOGRAPHS.iterdir())]
    response, content = ask(server, "GET", paths[0])
    assert response.getheader("Content-Type") == "image/jpeg"
    assert content == (PHOTOGRAPHS / "1435_marker.jpg").read_bytes()


def test_examples_of_any_name_are_listed_as_they_are_asked_for(tmp_path):
    contents = {
        "50%.png": "image/png",
        "a#1 é.PNG": "image/png",
        "b?.jpeg": "image/jpeg",
        "c.JPG": "image/jpeg",
        "\udcff.Jpeg": "image/jpeg",
    }
    for name in (*contents, "d.gif", "png"):
        (tmp_path / name).write_bytes(name.encode(errors="replace"))
    with serving(examples=str(tmp_path)) as server:
        paths = json.loads(ask(server, "GET", "/examples.json")[1])
        assert paths == [
            "/examples/50%25.png",
            "/examples/a%231%20%C3%A9.PNG",
            "/examples/b%3F.jpeg",
            "/examples/c.JPG",
            "/examples/%3F.Jpeg",
        ]
        for path, (name, content_type) in zip(paths, contents.items()):
            response, content = ask(server, "GET", path)
            assert response.status == 200, path
            assert response.getheader("Content-Type") == content_type
            assert content == name.encode(errors="replace")


def test_a_folder_of_examples_that_is_not_there(tmp_path):
    files = served_files.find_files(str(tmp_path / "missing"))
    assert files["/examples.json"].content == b"[]"
    assert files.keys() == {*served_files.find_files(None)}


def test_a_question_is_passed_on(server):
    assert predict(server, {"instances": [[[1, 2]], [[3, 4]]]}) == (
        200,
        {"predictions": [3, 7]},
    )


def test_a_picture_becomes_what_the_model_sees(server):
    file = (PHOTOGRAPHS / "3145_pen.jpg").read_bytes()
    response, pixels = ask(server, "POST", handler.CANVAS_PATH, file)
    assert response.status == 200
    expected = canvas_of("pen", file)
    np.testing.assert_array_equal(np.frombuffer(pixels, np.uint8), expected.ravel())
    assert expected.shape == (40, 168, 1) and expected.max() > 200
    response, answer = ask(server, "POST", handler.CANVAS_PATH, b"no picture")
    assert response.status == 400 and "expected a whole PNG" in str(answer)


def test_what_is_wrong_is_said(server):
    status, answer = predict(server, {"instances": [], "signature_name": "x"})
    assert status == 400 and "not found in signature def" in answer["error"]
    status, answer = predict(server, {"instances": [300]})
    assert (status, answer["error"]) == (400, "JSON Value is out of range of uint8")
    content = {"signature_name": "serving_bytes", "instances": ["x"]}
    assert predict(server, content) == (503, {"error": "nobody there"})
    assert ask(server, "POST", "/v1/models/other:predict", "{}")[0].status == 404


def test_a_client_that_asks_first_hears_at_once_that_it_may_send(server):
    body = json.dumps({"instances": [[1]]}).encode()
    with socket.create_connection(server.server_address[:2], timeout=5) as connection:
        connection.sendall(
            b"POST " + handler.PREDICT_PATH.encode() + b" HTTP/1.1\r\n"
            b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_that_leaves_does_no_harm(server, capfd):
    with socket.create_connection(server.server_address[:2]) as connection:
        connection.sendall(
            b"POST " + handler.PREDICT_PATH.encode() + b" HTTP/1.1\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
    assert predict(server, {"instances": [[1]]})[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_the_shipped_model_answers_by_itself_and_behind_another():
    local = demo.start_server(demo.DemoConfig(port=0, model=str(MODEL)))
    local.start_in_thread()
    remote = demo.start_server(demo.DemoConfig(port=0, backend=local.url))
    remote.start_in_thread()
    photograph = (PHOTOGRAPHS / "3145_pen.jpg").read_bytes()
    content = {
        "signature_name": "serving_bytes",
        "instances": [{"b64": base64.b64encode(photograph).decode()}],
    }
    try:
        for server in (local, remote):
            status, answer = predict(server, content)
            (row,) = answer["predictions"]
            assert status == 200
            assert (row["digits"], row["most_likely_sum"]) == ([3, 1, 4, 5], 13)
            assert np.isclose(sum(row["sum_probabilities"]), 1, atol=1e-4)
            broken = {**content, "instances": [{"b64": "AAAA"}]}
            assert predict(server, broken)[0] == 400
            assert predict(server, {"instances": [[1, 2]]})[0] == 400
    finally:
        for server in (remote, local):
            server.shutdown()
            server.server_close()


@pytest.fixture
def backend(proxy):
    """A server's reply to every question, and the headers it was asked with."""
    outputs = {
        name: np.zeros((1, *output.shape), output.dtype).tolist()
        for name, output in OUTPUTS.items()
    }
    proxy.body = json.dumps({"outputs": outputs}).encode()
    return proxy


def test_the_backend_is_sent_the_environments_token(backend, monkeypatch):
    monkeypatch.setenv(addresses.TOKEN_VARIABLE, "secret")
    answer = answerers.remote_answerer(backend.url)
    found = answer("serving_default", {"images": np.zeros((1, 40, 168, 1), np.uint8)})
    assert found["digits"].tolist() == [[0, 0, 0, 0]]
    assert backend.received["Authorization"] == "Bearer secret"
    with pytest.raises(UserError, match="^A token is only sent encrypted, .*there$"):
        answerers.remote_answerer("http://there")


def test_the_backends_certificate_may_be_ones_own(backend, certificate):
    url = encrypt(backend, certificate)
    question = {"instances": np.zeros((1, 40, 168, 1), int).tolist()}
    for path, status in ((None, 502), (str(certificate / "cert.pem"), 200)):
        config = demo.DemoConfig(port=0, backend=url, ca_certificates=path)
        with demo.start_server(config) as server:
            server.start_in_thread()
            assert predict(server, question)[0] == status
            server.shutdown()


def test_a_backend_that_wants_another_token(backend):
    backend.status, backend.body = 401, b'{"error": "no token"}'
    question = {"instances": np.zeros((1, 40, 168, 1), int).tolist()}
    config = demo.DemoConfig(port=0, backend=backend.url)
    with demo.start_server(config) as server:
        server.start_in_thread()
        message = (
            f"{backend.url}: the server did not answer the request. "
            "Received: status 401, no token"
        )
        assert predict(server, question) == (502, {"error": message})
        server.shutdown()


def test_mistakes_are_reported_in_one_line(server):
    taken = server.server_address[1]
    config = demo.DemoConfig(port=taken, backend="http://localhost:1")
    with pytest.raises(UserError, match=f"free. Received: 127.0.0.1:{taken}"):
        demo.start_server(config)
    for host in ("ü" * 70, "ü..", "a\0b"):
        config = demo.DemoConfig(host=host, port=0, backend="http://localhost:1")
        with pytest.raises(UserError, match="must be an address that is free"):
            demo.start_server(config)
    with pytest.raises(UserError, match="--backend must be an address"):
        demo.start_server(demo.DemoConfig(backend="ftp://localhost"))
    with pytest.raises(UserError, match="--model must be a SavedModel"):
        demo.start_server(demo.DemoConfig(model="/no/such/model"))
