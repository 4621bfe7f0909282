"""Connections by REST: slow, cut short, used again, encrypted."""

import concurrent.futures
import json
import logging
import socket
import threading

import numpy as np
import pytest
import requests
from proxy_fixtures import certificate, encrypt, proxy

from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.client import Server, connect
from mnist_sum_tf.serving.rest_transport import RestTransport

LOGITS = {"digit_logits": np.zeros((1, 4, 10), np.float32)}


def test_a_host_that_is_none():
    """As `connect` would refuse it."""
    with pytest.raises(errors.ServingError) as raised:
        RestTransport("http://a..b:80", "mnist_sum").predict("decode", LOGITS, 5)
    assert type(raised.value) is errors.ServingError
    assert str(raised.value) == (
        "--server must be an address. Received: http://a..b:80"
    )


def test_a_server_that_is_too_slow(proxy):
    proxy.pause = 2
    with pytest.raises(errors.DeadlineExceeded) as raised:
        RestTransport(proxy.url, "mnist_sum").predict("decode", LOGITS, 0.3)
    assert str(raised.value) == (
        f"{proxy.url}: expected an answer in time. Received: none after 0.3 seconds"
    )


def test_a_server_that_is_slow_to_connect_is_unavailable():
    error = requests.ConnectTimeout("timed out")
    failure = RestTransport("http://host", "mnist_sum")._failure(error, 1)
    assert type(failure) is errors.ServerUnavailable


def test_a_body_that_trickles_in(proxy):
    proxy.trickle = threading.Event()
    end = threading.Timer(20, proxy.trickle.set)  # Seconds, which it shall not take.
    end.start()
    proxy.body = b'{"outputs": [7.0]}'
    with pytest.raises(errors.DeadlineExceeded) as raised:
        RestTransport(proxy.url, "mnist_sum").predict("decode", LOGITS, 0.3)
    assert not proxy.trickle.is_set()
    end.cancel()
    proxy.trickle.set()
    assert str(raised.value) == (
        f"{proxy.url}: expected an answer in time. Received: none after 0.3 seconds"
    )


def test_a_body_that_ends_too_early(proxy):
    proxy.send_header = lambda handler, name, value: super(proxy, handler).send_header(
        name, "99" if name == "Content-Length" else value
    )
    with pytest.raises(errors.ServerUnavailable, match="IncompleteRead"):
        RestTransport(proxy.url, "mnist_sum").predict("decode", LOGITS, 5)


def test_the_reason_is_the_systems():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(errors.ServerUnavailable) as raised:
            RestTransport(url, "mnist_sum").predict("decode", LOGITS, 5)
    expected = f"{url}: expected a model server there. Received: Connection refused"
    assert str(raised.value) == expected


def test_connections_are_used_again(proxy):
    proxy.protocol_version = "HTTP/1.1"
    proxy.body = b'{"outputs": [7.0]}'
    ports = set()
    proxy.setup = lambda handler: (
        ports.add(handler.client_address),
        super(proxy, handler).setup(),
    )
    transport = RestTransport(proxy.url, "mnist_sum")
    for _ in range(3):
        assert transport.predict("decode", LOGITS, 5) == {"sum": [7.0]}
    transport.close()
    assert len(ports) == 1


def test_many_threads_are_no_reason_for_a_warning(proxy, caplog):
    proxy.body, proxy.pause = b'{"outputs": [7.0]}', 0.3
    proxy.protocol_version = "HTTP/1.1"
    transport = RestTransport(proxy.url, "mnist_sum")
    together = threading.Barrier(80)

    def ask():
        together.wait()
        transport.predict("decode", LOGITS, 20)

    with caplog.at_level(logging.WARNING, "urllib3"):
        with concurrent.futures.ThreadPoolExecutor(80) as pool:
            for asked in [pool.submit(ask) for _ in range(80)]:
                asked.result()
    transport.close()
    assert caplog.messages == []


def test_https_behind_a_proxy_with_a_token(proxy, certificate):
    url = encrypt(proxy, certificate)
    proxy.body = json.dumps({"outputs": [7.0]}).encode()
    trusting = connect(
        Server(url, ca_certificates=certificate / "cert.pem", token="secret")
    )
    assert trusting.predict("decode", LOGITS)["sum"] == [7.0]
    assert proxy.received["Authorization"] == "Bearer secret"
    distrusting = connect(Server(url, token="secret"))
    with pytest.raises(errors.ServingError) as raised:
        distrusting.predict("decode", LOGITS)
    assert f"{url}: the server's certificate is not trusted. Received: " in (
        str(raised.value)
    )


def test_a_server_without_tls(proxy):
    url = f"https://localhost:{proxy.port}"
    with pytest.raises(errors.ServingError) as raised:
        connect(Server(url)).predict("decode", LOGITS)
    assert type(raised.value) is errors.ServingError
    assert f"{url}: expected a server that speaks TLS. Received: " in (
        str(raised.value)
    )
