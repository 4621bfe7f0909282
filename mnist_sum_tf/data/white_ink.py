"""Checks that the user's images and digits are white ink on black paper."""

import logging

import numpy as np

from mnist_sum_tf.user_errors import UserError

LOOKED_AT = 1024  # images, or up to twice as many
# Of an image's pixels, most are paper. Some images of a set may have been degraded.
DARKEST_LIGHT_PAPER = 140
LARGEST_SHARE_ON_LIGHT_PAPER = 0.1
INK = 40  # a pixel that is lighter than this is ink


def check_white_ink(name: str, images: np.ndarray) -> None:
    """Raises `UserError` unless images are white ink on black paper.

    Logs how many single ones are not.

    Args:
        name: the file or flag, for the error message.
        images: uint8 `[n, height, width]`, at least one.

    Raises:
        UserError: if more than a tenth of them have light paper, or no pixel of any
            is as light as ink.
    """
    stride = max(1, len(images) // LOOKED_AT)
    some = images[::stride]
    expected = f"{name} must be white ink (255) on black paper (0)"
    lightest = some.max()
    if lightest <= INK:
        raise UserError(
            f"{expected}. Received: no pixel lighter than {lightest} of 255 in "
            f"{len(some)} images looked at"
        )
    on_light_paper = np.median(some, axis=(1, 2)) > DARKEST_LIGHT_PAPER
    share = np.mean(on_light_paper)
    if share > LARGEST_SHARE_ON_LIGHT_PAPER:
        raise UserError(
            f"{expected}; invert those that are not. Received: light paper in "
            f"{share:.0%} of {len(some)} images looked at"
        )
    without_ink = some.max(axis=(1, 2)) <= INK
    for found, what in ((without_ink, "no ink"), (on_light_paper, "light paper")):
        if found.any():
            logging.warning(
                "%s: %s in %d of %d images looked at, the first of them image %d",
                name,
                what,
                found.sum(),
                len(some),
                stride * found.argmax(),
            )
