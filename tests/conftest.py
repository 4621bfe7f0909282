"""Shared by all tests: quiet TensorFlow, digits small enough to check by eye."""

import gc
import os
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
if "PYTEST_XDIST_WORKER" in os.environ:  # There is a process for each core.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
# Optimizing what runs for milliseconds takes XLA minutes.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import numpy as np
import pytest

# Files of minutes begin first: of several processes, none is to wait for one at the
# end. They hold few tests, and pytest-xdist gives out files of many tests first.
LONGEST = (
    "readme_test",
    "resumption_test",
    "stages_test",
    "scripts_test",
    "distillation_recipe_test",
    "teachers_test",
    "initial_weights_test",
)


def pytest_configure(config):
    # Beside another command a shell starts this with SIGINT ignored.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config.option, "loadscopereorder"):  # where pytest-xdist is
        config.option.loadscopereorder = False


def pytest_collection_finish():
    gc.freeze()  # What was imported stays: a tenth of the time went into looking.


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem not in LONGEST)


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
