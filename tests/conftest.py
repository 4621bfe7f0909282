"""Shared by all tests: quiet TensorFlow, digits small enough to check by eye."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import pytest


@pytest.fixture
def digit_images():
    """Forty digits of the classes 0 to 9, uint8 `[40, 28, 28]`; unlike MNIST's,
    each is one grey box whose brightness names it."""
    images = np.zeros((40, 28, 28), np.uint8)
    for i in range(40):
        images[i, 4:24, 6:22] = 100 + i
    return images


@pytest.fixture
def digit_labels():
    return (np.arange(40) % 10).astype(np.uint8)
