"""Error responses: an HTTP status and one line."""

from mnist_sum_tf.serving import errors
from mnist_sum_tf.user_errors import UserError, kind_and_line

# The page repeats a question after 404, 500, 503 and 504, but not after 502.
STATUSES = {
    errors.RequestRefused: 400,
    errors.ModelNotFound: 404,
    errors.MessageTooLarge: 413,
    errors.DeadlineExceeded: 504,
}


class Refused(UserError):
    """A request that is not answered.

    Args:
        status: of HTTP, 400 to 599.
        message: one line.
    """

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def error_response(error: Exception) -> tuple[int, str]:
    """The status and the line that an error is answered with.

    500 is for an error that nobody foresaw, a bug of this program; 503 for one of the
    backend that is temporary; 502 for others, such as a certificate that is not trusted.
    """
    if isinstance(error, Refused):
        return error.status, str(error)
    if isinstance(error, errors.ServingError):
        otherwise = 503 if error.is_temporary else 502
        return STATUSES.get(type(error), otherwise), str(error)
    if isinstance(error, UserError):
        return 400, str(error)
    return 500, f"The server failed: {kind_and_line(error)}"
