"""Server addresses, tokens and certificates, and checks of them."""

import dataclasses
import os
import ssl
import urllib.parse

from mnist_sum_tf.user_errors import UserError, first_line, one_line

SCHEMES = ("http", "https", "grpc", "grpcs")
ENCRYPTED = ("https", "grpcs")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Under which the model is served, unless a client names another.
MODEL_NAME = "mnist_sum"
TOKEN_VARIABLE = "MNIST_SUM_TOKEN"


@dataclasses.dataclass(frozen=True)
class Server:
    """Where a model is served.

    Attributes:
        url: `http://host:8501` or `https://host/path` for REST,
            `grpc://host:8500` or `grpcs://host:8500` for gRPC.
        model: the model's name there.
        version: the number of one version; the newest where `None`.
        ca_certificates: path of a PEM file of trusted certificate authorities;
            the default ones where `None`.
        token: a bearer token that a proxy asks for; not shown by `repr`.
    """

    url: str
    model: str = MODEL_NAME
    version: int | None = None
    ca_certificates: str | None = None
    token: str | None = dataclasses.field(default=None, repr=False)


def split_address(address: str) -> urllib.parse.SplitResult:
    """The parts of a server's address: scheme, host, port and path.

    Raises:
        UserError: if it is invalid, or has parts that would be lost or misused.
    """
    # First, as the other messages show the address, maybe with a password.
    if "@" in address:
        raise UserError(
            "--server must be an address without a user and a password. "
            "Received: one with an @"
        )
    received = one_line(address)
    try:
        url = urllib.parse.urlsplit(address)
        # Refuses empty labels of a host, and labels over 63 characters.
        is_address = bool((url.hostname or "").encode("idna")) and (url.port or True)
    except ValueError:
        is_address = False
    if not is_address or url.scheme not in SCHEMES:
        raise UserError(
            "--server must be an address like http://localhost:8501 or "
            f"grpc://localhost:8500. Received: {received}"
        )
    _check_parts(url, address, received)
    return url


def _check_parts(url, address: str, received: str) -> None:
    """Refuses parts that would garble the request's URL, or be lost."""
    if "?" in address or "#" in address:
        raise UserError(
            f"--server must be an address without ? and #. Received: {received}"
        )
    if url.scheme in ("grpc", "grpcs") and url.path.strip("/"):
        raise UserError(
            "--server must be an address without a path where it is one for gRPC. "
            f"Received: {received}"
        )


def read_token(token_file: str | None = None) -> str | None:
    """The bearer token in a file, else the environment's, if there is one.

    Raises:
        UserError: if the file cannot be read or holds nothing.
    """
    if not token_file:
        return os.environ.get(TOKEN_VARIABLE, "").strip() or None
    try:
        with open(token_file) as file:
            token = file.read().strip()
        fault = None if token else "it is empty"
    except (OSError, UnicodeError) as error:
        fault = error
    if fault:
        raise UserError(
            "--token_file must be a file with a token. "
            f"Received: {token_file} ({fault})"
        )
    return token


def check_token(token: str | None, url: urllib.parse.SplitResult) -> None:
    """Refuses an invalid token, or one that would be sent unencrypted.

    Raises:
        UserError: without the token in its message.
    """
    if not token:
        return
    if not (token.isascii() and token.isprintable()):
        raise UserError(
            "A token must be of printable ASCII characters. Received: other characters"
        )
    if url.scheme not in ENCRYPTED and url.hostname not in LOOPBACK:
        raise UserError(
            "A token is only sent encrypted, to https:// or grpcs://, or to this "
            f"machine. Received: {url.geturl()}"
        )


def read_certificates(path) -> bytes | None:
    """The bytes of a PEM file; `None` for none.

    Raises:
        UserError: if the file cannot be read, or has no certificate.
    """
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise UserError(
            f"{path}: expected a PEM file. Received: {error.strerror}"
        ) from None
    if b"BEGIN CERTIFICATE" not in content:
        raise UserError(
            f"{path}: expected a PEM file. Received: one without a certificate"
        )
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError) as error:
        raise UserError(
            f"{path}: expected a PEM file. Received: a certificate that cannot be "
            f"read: {first_line(error)}"
        ) from None
    return content
