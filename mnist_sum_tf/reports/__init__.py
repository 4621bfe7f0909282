"""Readings and evaluation results, as pictures and as an HTML page."""

from mnist_sum_tf.reports.contact_sheets import write_contact_sheet  # noqa: F401
from mnist_sum_tf.reports.files import Shown  # noqa: F401
