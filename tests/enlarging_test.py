"""Grids are enlarged as pictures are resized, in a graph that XLA compiles, too."""

import numpy as np
import pytest
import tensorflow as tf

from mnist_sum_tf.data.enlarging import enlarge


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_grids_are_enlarged_as_pictures_are_resized(method):
    grid = np.random.default_rng(0).random((2, 14, 56)).astype(np.float32)
    expected = tf.image.resize(grid[..., np.newaxis], (40, 168), method)[..., 0]
    compiled = tf.function(lambda grid: enlarge(grid, method), jit_compile=True)
    for enlarged in (enlarge(tf.constant(grid), method), compiled(grid)):
        np.testing.assert_allclose(enlarged, expected, atol=1e-6)
