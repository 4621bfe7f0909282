"""Checks that the user's images and digits are white ink on black paper."""

import numpy as np

from mnist_sum_tf.user_errors import UserError

LOOKED_AT = 1024  # images, or up to twice as many
# Of an image's pixels, most are paper. Some images of a set may have been degraded.
DARKEST_LIGHT_PAPER = 140
LARGEST_SHARE_ON_LIGHT_PAPER = 0.1
INK = 40  # a pixel that is lighter than this is ink


def check_white_ink(name: str, images: np.ndarray) -> None:
    """Raises `UserError` unless images are white ink on black paper.

    Args:
        name: the file or flag, for the error message.
        images: uint8 `[n, height, width]`, at least one.

    Raises:
        UserError: if more than a tenth of them have light paper, or no pixel of any
            is as light as ink.
    """
    some = images[:: max(1, len(images) // LOOKED_AT)]
    expected = f"{name} must be white ink (255) on black paper (0)"
    lightest = some.max()
    if lightest <= INK:
        raise UserError(
            f"{expected}. Received: no pixel lighter than {lightest} of 255 in "
            f"{len(some)} images looked at"
        )
    papers = np.median(some, axis=(1, 2))
    share = np.mean(papers > DARKEST_LIGHT_PAPER)
    if share > LARGEST_SHARE_ON_LIGHT_PAPER:
        raise UserError(
            f"{expected}; invert those that are not. Received: light paper in "
            f"{share:.0%} of {len(some)} images looked at"
        )
