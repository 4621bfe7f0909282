"""Image files as the input of a signature."""

import numpy as np


def as_image_bytes(files: list[bytes]) -> np.ndarray:
    """Files as an object array `[n]`, which keeps their trailing zero bytes."""
    return np.array(files, object)
