"""What can go wrong between a client and a model server, each in one line."""

from mnist_sum_tf.user_errors import UserError, first_line

# Parts of OpenSSL's and gRPC's messages on untrusted or mismatched certificates.
MARKS_OF_DISTRUST = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed")
MARK_OF_HANGING_UP = "UNEXPECTED_EOF_WHILE_READING"


class ServingError(UserError):
    """The server gave no answer.

    Attributes:
        is_temporary: whether the same request may well be answered later. Every
            request of the client only reads, so it may be sent again.
    """

    is_temporary = False


def tls_failure(address: str, reason: str) -> ServingError:
    """The error for a failed TLS handshake.

    Args:
        address: of the server.
        reason: the TLS library's message.
    """
    received = f"Received: {first_line(reason)}"
    if any(mark in reason for mark in MARKS_OF_DISTRUST):
        return ServingError(
            f"{address}: the server's certificate is not trusted. {received}"
        )
    # A server that is just being started or stopped hangs up.
    is_gone = MARK_OF_HANGING_UP in reason
    kind = ServerUnavailable if is_gone else ServingError
    return kind(f"{address}: expected a server that speaks TLS. {received}")


class ServerUnavailable(ServingError):
    """No server listens there, or a proxy cannot reach one."""

    is_temporary = True


class ServerBusy(ServingError):
    """The server has more requests waiting than it takes."""

    is_temporary = True


class VersionNotReady(ServingError):
    """The model is there, but no version of it has been loaded yet."""

    is_temporary = True


class ModelNotFound(ServingError):
    """The server has no such model or version, or could not load it."""


class RequestRefused(ServingError):
    """The server or the model says what is wrong with the request."""


class MessageTooLarge(ServingError):
    """A request or an answer has more bytes than may be sent."""


class DeadlineExceeded(ServingError):
    """No answer in the time that was given."""


class AccessRefused(ServingError):
    """The server, or the proxy before it, wants another token."""
