"""What the tests of the PyTorch twin and of its files share."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra")

from mnist_sum_tf.data import composites, digits


@pytest.fixture(scope="module")
def batch():
    """64 composites, uint8 `[64, 40, 168, 1]`, and their digits."""
    found = digits.load_digits(split="validation")
    images, labels = composites.composite_batch(
        found.images, found.labels, "mixed", 7, 0, 64
    )
    return images.numpy(), labels["digits"].numpy()


def arrays(twin):
    return {key: value.numpy() for key, value in twin.state_dict().items()}


def kaiming(twin, seed=0):
    """Random weights under which the logits are not all but constant."""
    torch.manual_seed(seed)
    for parameter in twin.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_uniform_(parameter, nonlinearity="relu")
    return twin


def largest(first, second) -> float:
    return float(np.abs(np.asarray(first) - np.asarray(second)).max())
