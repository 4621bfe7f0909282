"""What can go wrong between a client and a model server, each in one line."""

from mnist_sum_tf.config import UserError


class ServingError(UserError):
    """The server gave no answer.

    Attributes:
        is_temporary: whether the same request may well be answered later. Every
            request of the client only reads, so it may be sent again.
    """

    is_temporary = False


class ServerUnavailable(ServingError):
    """Nobody listens there, or a proxy finds nobody behind it."""

    is_temporary = True


class ServerBusy(ServingError):
    """The server has more requests waiting than it takes."""

    is_temporary = True


class VersionNotReady(ServingError):
    """The model is there, but no version of it has been loaded yet."""

    is_temporary = True


class ModelNotFound(ServingError):
    """The server has no such model or version."""


class RequestRefused(ServingError):
    """The server or the model says what is wrong with the request."""


class MessageTooLarge(ServingError):
    """A request or an answer has more bytes than may be sent."""


class DeadlineExceeded(ServingError):
    """No answer in the time that was given."""


class AccessRefused(ServingError):
    """The server, or the proxy before it, wants another token."""
