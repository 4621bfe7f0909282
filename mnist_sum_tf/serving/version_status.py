"""What a server says of a version of the model."""

from typing import NamedTuple

from mnist_sum_tf.user_errors import first_line

# States of a version that may be available soon.
PENDING = ("UNKNOWN", "START", "LOADING")
AVAILABLE = "AVAILABLE"


class VersionStatus(NamedTuple):
    """The status of one version.

    Attributes:
        state: TensorFlow Serving's name for it: one of `PENDING`, `"AVAILABLE"`,
            `"UNLOADING"` or `"END"`, also of a version that failed to load.
        error_message: why it failed; empty where it did not.
    """

    state: str
    error_message: str = ""

    def __str__(self):
        if not self.error_message:
            return self.state
        return f"{self.state} ({first_line(self.error_message)})"
