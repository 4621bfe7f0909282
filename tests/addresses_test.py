"""Addresses, tokens and certificates that are none are refused at once."""

import pytest

from mnist_sum_tf.serving import addresses, errors
from mnist_sum_tf.serving.client import Server, connect
from mnist_sum_tf.user_errors import UserError

LABEL = 64 * "a"


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8501",
        "ftp://host",
        "http://",
        "grpc://host:port",
        "",
        "http://[::1:8501",
        "http://a..b:80",
        f"grpc://{LABEL}.org:80",
        "http://.b",
    ],
)
def test_an_address_that_is_none(url):
    with pytest.raises(UserError) as raised:
        connect(Server(url))
    assert str(raised.value) == (
        "--server must be an address like http://localhost:8501 or "
        f"grpc://localhost:8500. Received: {url}"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@host",
        "grpc://secret@host:8500",
        "ftp://u:secret@host",
        "user:secret@host",
        "https://user:secret@a..b/?x",
    ],
)
def test_a_password_is_refused_and_not_shown(url):
    with pytest.raises(UserError) as raised:
        connect(Server(url))
    assert str(raised.value) == (
        "--server must be an address without a user and a password. "
        "Received: one with an @"
    )


@pytest.mark.parametrize("end", ["?x=1", "/?", "#x", "/team#"])
@pytest.mark.parametrize("scheme", ["http", "grpcs"])
def test_no_query_and_no_fragment(scheme, end):
    url = f"{scheme}://localhost:8501{end}"
    with pytest.raises(UserError) as raised:
        connect(Server(url))
    assert str(raised.value) == (
        f"--server must be an address without ? and #. Received: {url}"
    )


@pytest.mark.parametrize("scheme", ["grpc", "grpcs"])
def test_no_path_for_grpc(scheme):
    url = f"{scheme}://host:8500/prefix"
    with pytest.raises(UserError) as raised:
        connect(Server(url))
    assert str(raised.value) == (
        "--server must be an address without a path where it is one for gRPC. "
        f"Received: {url}"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "https://host/team",
        "grpc://host:8500/",
        "http://[::1]:8501",
        "http://model_server:8501",
        f"http://{LABEL[1:]}.org",
        "HTTP://host.",
    ],
)
def test_addresses(url):
    connect(Server(url)).close()


def test_a_token_is_not_sent_in_the_clear():
    for scheme in ("http", "grpc"):
        with pytest.raises(UserError) as raised:
            connect(Server(f"{scheme}://example.org", token="secret"))
        assert str(raised.value) == (
            "A token is only sent encrypted, to https:// or grpcs://, or to this "
            f"machine. Received: {scheme}://example.org"
        )
    for host in ("localhost:1", "127.0.0.1:1", "[::1]:8501"):
        connect(Server(f"http://{host}", token="secret")).close()


@pytest.mark.parametrize("value, token", [(" t\n", "t"), ("  ", None), ("", None)])
def test_a_token_in_the_environment(monkeypatch, value, token):
    monkeypatch.setenv(addresses.TOKEN_VARIABLE, value)
    assert addresses.read_token() == token


def test_a_token_is_not_shown_with_its_server():
    server = Server("https://host", token="secret")
    assert repr(server) == (
        "Server(url='https://host', model='mnist_sum', version=None, "
        "ca_certificates=None)"
    )
    assert server != Server("https://host")


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
    broken = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"
    (tmp_path / "broken").write_text(broken)
    with pytest.raises(UserError, match="broken: expected a PEM .* cannot be read: "):
        connect(Server("https://host", ca_certificates=tmp_path / "broken"))


@pytest.mark.parametrize(
    "reason, kind, expected",
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed",
            errors.ServingError,
            "the server's certificate is not trusted",
        ),
        (
            "[SSL: WRONG_VERSION_NUMBER] wrong",
            errors.ServingError,
            "expected a server that speaks TLS",
        ),
        (
            "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF",
            errors.ServerUnavailable,
            "expected a server that speaks TLS",
        ),
    ],
)
def test_what_tls_fails_for(reason, kind, expected):
    error = errors.tls_failure("https://host", reason)
    assert type(error) is kind
    assert str(error) == f"https://host: {expected}. Received: {reason}"
