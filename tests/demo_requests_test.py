"""Requests that the page's server refuses, or survives."""

import http.client
import json
import socket
import types

import pytest
from demo_fixtures import PHOTOGRAPHS, ask, predict, send, server, serving

from mnist_sum_tf.demo import handler, origin_checks, request_bodies
from mnist_sum_tf.demo.error_responses import Refused, error_response
from mnist_sum_tf.serving import errors
from mnist_sum_tf.user_errors import UserError

QUESTION = {"instances": [[1]]}
ANSWER = (200, {"predictions": [1]})
POST = f"POST {handler.PREDICT_PATH} HTTP/1.1\r\n".encode()
LARGE = b" " * (request_bodies.SMALL_BODY_BYTES + 1)


def test_a_request_must_say_its_size_and_stay_small(server):
    too_large = "Expected up to 14000000 bytes. Received: "
    for length, status, message in (
        ("x", 411, "Expected a Content-Length"),
        ("-1", 411, "Expected a Content-Length"),
        ("14000001", 413, too_large + "14000001"),
        ("9" * 5000, 413, too_large + "9" * 20),
    ):
        request = POST + f"Content-Length: {length}\r\n\r\n".encode()
        assert send(server, request) == (status, message)
    assert predict(server, QUESTION) == ANSWER


def test_a_length_that_may_be_another_to_others_is_refused(server):
    twice = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert send(server, POST + twice) == (400, "Expected a Content-Length alone")


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_a_body_that_nobody_asked_for_is_no_next_request(server, method):
    hidden = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b" /icon.svg HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(server.server_address[:2]) as connection:
        connection.sendall(method + head % len(hidden) + hidden)
        connection.settimeout(20)
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 ") == 1 and b"200 OK" in answers


def test_a_path_that_is_none(server):
    request = b"GET http://[ HTTP/1.1\r\n\r\n"
    assert send(server, request) == (400, "Expected a path. Received: http://[")


def test_a_failure_nobody_foresaw_is_answered_and_told_in_one_line(capfd):
    def answer(signature, inputs):
        if inputs["images"].any():
            raise KeyError("digit_logits")
        return {"sum": inputs["images"]}

    with serving(answer) as server:
        connection = http.client.HTTPConnection(*server.server_address)
        for value, status, told in (
            (1, 500, {"error": "The server failed: KeyError: 'digit_logits'"}),
            (0, 200, {"predictions": [[0]]}),  # By the same connection.
        ):
            body = json.dumps({"instances": [[value]]})
            connection.request("POST", handler.PREDICT_PATH, body)
            response = connection.getresponse()
            assert (response.status, json.loads(response.read())) == (status, told)
    assert capfd.readouterr().err == "The server failed: KeyError: 'digit_logits'\n"


@pytest.mark.parametrize(
    "error, status",
    [
        (Refused(418, "why"), 418),
        (UserError("why"), 400),
        (errors.RequestRefused("why"), 400),
        (errors.ModelNotFound("why"), 404),
        (errors.MessageTooLarge("why"), 413),
        (errors.AccessRefused("why"), 502),
        (errors.ServingError("why"), 502),
        (errors.ServerBusy("why"), 503),
        (errors.ServerUnavailable("why"), 503),
        (errors.VersionNotReady("why"), 503),
        (errors.DeadlineExceeded("why"), 504),
    ],
)
def test_each_error_has_its_status(error, status):
    assert error_response(error) == (status, "why")


def test_a_connection_that_fails_is_reported_in_one_line(server, capfd, monkeypatch):
    def fail(self, *args):
        raise OSError("no route")

    with monkeypatch.context() as patched:
        patched.setattr(handler.Handler, "send_response", fail)
        with pytest.raises(http.client.RemoteDisconnected):
            ask(server, "GET", "/")
    assert predict(server, QUESTION) == ANSWER
    assert capfd.readouterr().err == "Not answered: OSError: no route\n"


def take_all(semaphore, count: int):
    for _ in range(count):
        assert semaphore.acquire(blocking=False)


def test_large_bodies_wait_for_each_other_before_they_are_read(monkeypatch):
    monkeypatch.setattr(request_bodies, "SLOT_SECONDS", 0.01)
    picture = (PHOTOGRAPHS / "5574_ruled.jpg").read_bytes()
    picture += bytes(request_bodies.MAX_BODY_BYTES - len(picture))
    with serving() as server:
        take_all(server.large_bodies, 8)
        # The client reads the answer although nobody reads what it sends.
        response, answer = ask(server, "POST", handler.CANVAS_PATH, picture)
        assert response.status == 503
        assert json.loads(answer) == {
            "error": "Expected fewer questions at a time: ask again"
        }
        # A question about strokes passes them.
        assert predict(server, QUESTION) == ANSWER
        server.large_bodies.release()
        for _ in range(2):  # Its slot is given back.
            response, _ = ask(server, "POST", handler.CANVAS_PATH, picture)
            assert response.status == 200


def test_questions_wait_for_each_other(monkeypatch):
    monkeypatch.setattr(request_bodies, "SLOT_SECONDS", 0.01)
    with serving() as server:
        take_all(server.slots, 4)
        busy = {"error": "Expected fewer questions at a time: ask again"}
        assert predict(server, QUESTION) == (503, busy)
        server.slots.release()
        assert predict(server, QUESTION) == ANSWER


def test_a_client_that_stops_sending_gives_its_slot_back(monkeypatch):
    monkeypatch.setattr(request_bodies, "BODY_SECONDS", 0.1)
    length = len(LARGE)
    request = POST + f"Content-Length: {length}\r\n\r\n123".encode()
    with serving() as server:
        take_all(server.large_bodies, 7)
        for _ in range(2):
            received = f"Received: 3 of {length} bytes"
            assert send(server, request) == (
                408,
                f"Expected the body within 0.1 seconds. {received}",
            )


class Clock:
    """A connection that hands over a byte each second."""

    def __init__(self):
        self.now, self.timeouts = 100.0, []

    def monotonic(self):
        return self.now

    def settimeout(self, seconds):
        self.timeouts.append(seconds)

    def read1(self, most):
        self.now += 1
        return b"x"


def test_a_client_that_sends_slowly_is_not_waited_for(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(
        request_bodies, "time", types.SimpleNamespace(monotonic=clock.monotonic)
    )
    assert request_bodies.read_body(clock, clock, 15) == b"x" * 15
    assert clock.timeouts == [float(left) for left in range(15, 0, -1)]
    with pytest.raises(Refused) as refused:
        request_bodies.read_body(clock, clock, 16)
    assert (refused.value.status, str(refused.value)) == (
        408,
        "Expected the body within 15 seconds. Received: 15 of 16 bytes",
    )


def test_another_sites_page_may_not_ask(server):
    port = server.server_address[1]
    for origin in (
        "http://evil.example",
        f"http://evil.example:{port}",
        "null",
        "http://[",
        f"http://127.0.0.1:{port + 1}",
        f"http://localhost:{port}",
    ):
        message = f"Expected an Origin at 127.0.0.1:{port}. Received: {origin}"
        assert predict(server, QUESTION, Origin=origin) == (403, {"error": message})
        response, _ = ask(server, "POST", handler.CANVAS_PATH, LARGE, Origin=origin)
        assert response.status == 403
    own = f"http://127.0.0.1:{port}"
    assert predict(server, QUESTION, Origin=own) == ANSWER
    mine = {"Host": f"LocalHost:{port}", "Origin": f"http://localhost:{port}"}
    assert predict(server, QUESTION, **mine) == ANSWER


def test_a_server_of_this_machine_alone_is_asked_by_its_own_names(server):
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:8600", "127.0.1.1", "[::1]:2"):
        assert ask(server, "GET", "/", Host=host)[0].status == 200, host
    for host in (
        "evil.example:8600",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "[::2]",
        "[",
        "localhost\n",
        "10.0.0.1",
        "",
    ):
        error = "Expected a Host of localhost, 127.0.0.1 or [::1]. Received: "
        with pytest.raises(Refused) as refused:
            origin_checks.check_host(host)
        assert (refused.value.status, str(refused.value)) == (403, error + host)
    rebound = {"Host": "evil.example:80", "Origin": "http://evil.example:80"}
    answer = (403, {"error": error + "evil.example:80"})
    assert predict(server, QUESTION, **rebound) == answer
    assert ask(server, "GET", "/", Host="evil.example")[0].status == 403


def test_a_server_for_others_is_asked_by_any_name():
    with serving(host="0.0.0.0") as server:
        name = {"Host": "my-machine:8600"}
        assert ask(server, "GET", "/", **name)[0].status == 200
        assert predict(server, QUESTION, **name) == ANSWER
        name["Origin"] = "http://my-machine:8600"
        assert predict(server, QUESTION, **name) == ANSWER
        name["Origin"] = "http://evil.example"
        assert predict(server, QUESTION, **name)[0] == 403
