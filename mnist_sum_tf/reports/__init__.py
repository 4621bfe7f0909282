"""What was read and how well, as pictures and as a page."""

from mnist_sum_tf.reports.contact_sheets import contact_sheet  # noqa: F401
from mnist_sum_tf.reports.files import Shown  # noqa: F401
