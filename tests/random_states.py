"""Weights of the original's shapes."""

import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.torch_bridge import shapes


def random_state(stage, channels=config.doubled_channels(2), seed=0):
    """Random weights of a size that keeps activations near 1."""
    rng = np.random.default_rng(seed)
    expected = shapes.expected_shapes(stage, channels)
    state = {}
    for key, shape in expected.items():
        deviation = (2 / np.prod(shape[1:])) ** 0.5 if shape[1:] else 0.1
        state[key] = (deviation * rng.normal(size=shape)).astype(np.float32)
    return state
