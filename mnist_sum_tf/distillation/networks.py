"""The student, which is `models.build_encoder` in JAX, and its teachers.

Both are normalised while they learn (see `models.normalization`); parameters are
dictionaries layer -> name -> array, kernels as Keras keeps them.
"""

import jax
import jax.numpy as jnp
import numpy as np

HIDDEN_UNITS = 512
EPSILON = 1e-3  # Keras' default in batch normalisation
MOMENTUM = 0.99
STUDENT_CHANNELS = (16, 32, 64, 128, 256)
TEACHER_CHANNELS = (64, 128, 256)
TEACHER_DROPOUT = 0.4


def student_layers(channels=STUDENT_CHANNELS) -> dict[str, tuple]:
    """Name -> shape of the kernel."""
    layers, inputs = {}, 1
    for block, outputs in enumerate(channels, start=1):
        for part in (1, 2):
            layers[f"block{block}_conv{part}"] = (3, 3, inputs, outputs)
            inputs = outputs
    layers["hidden"] = (5 * inputs, HIDDEN_UNITS)
    layers["logits"] = (HIDDEN_UNITS, 40)
    return layers


def teacher_layers(channels=TEACHER_CHANNELS) -> dict[str, tuple]:
    """Name -> shape of the kernel."""
    layers, inputs = {}, 1
    for block, outputs in enumerate(channels, start=1):
        for part in (1, 2, 3) if block > 1 else (1, 2):
            layers[f"block{block}_conv{part}"] = (3, 3, inputs, outputs)
            inputs = outputs
    layers["logits"] = (9 * inputs, 10)
    return layers


def initial(key, layers: dict[str, tuple]):
    """He's uniform kernels, and statistics of normalisations.

    Returns:
        Parameters and statistics, float32.
    """
    parameters, statistics = {}, {}
    for name, shape in layers.items():
        key, own = jax.random.split(key)
        limit = np.sqrt(6 / np.prod(shape[:-1]))
        kernel = jax.random.uniform(own, shape, minval=-limit, maxval=limit)
        size = shape[-1:]
        if name == "logits":
            # So that softmax starts near uniform.
            parameters[name] = {"kernel": kernel * 0.1, "bias": jnp.zeros(size)}
            continue
        parameters[name] = {
            "kernel": kernel,
            "gamma": jnp.ones(size),
            "beta": jnp.zeros(size),
        }
        statistics[name] = {"mean": jnp.zeros(size), "variance": jnp.ones(size)}
    return parameters, statistics


def student(parameters, statistics, images, dropout_key=None, dropout_rate=0.0):
    """Reads canvases.

    Args:
        parameters, statistics: see `initial`.
        images: float32 `[n, 40, 168, 1]` in 0..255.
        dropout_key: JAX key in training; `None` in evaluation.
        dropout_rate: while learning.

    Returns:
        Logits, float32 `[n, 4, 10]`, and new statistics.
    """
    layer = _Layers(parameters, statistics, dropout_key)
    x = images.astype(jnp.bfloat16) * (2 / 255) - 1
    for block in range(1, 6):
        x = layer.learned(x, f"block{block}_conv1")
        x = layer.learned(x, f"block{block}_conv2")
        x = layer.dropped(pooled(x), dropout_rate)
    x = layer.learned(x.reshape(len(x), -1), "hidden")
    logits = layer.logits(layer.dropped(x, dropout_rate))
    return logits.reshape(-1, 4, 10), layer.statistics


def teacher(parameters, statistics, images, dropout_key=None):
    """Reads single digits, float32 `[n, 28, 28, 1]`; else as `student`: `[n, 10]`."""
    layer = _Layers(parameters, statistics, dropout_key)
    x = images.astype(jnp.bfloat16) * (2 / 255) - 1
    for name in parameters:
        if name == "logits":
            break
        if name.endswith("conv1") and name != "block1_conv1":
            x = pooled(x)
        x = layer.learned(x, name)
    x = pooled(x).reshape(len(x), -1)
    return layer.logits(layer.dropped(x, TEACHER_DROPOUT)), layer.statistics


class _Layers:
    """Applies layers by name, and tracks batch statistics."""

    def __init__(self, parameters, statistics, key):
        self.parameters, self.statistics = parameters, dict(statistics)
        self.key = key

    def learned(self, x, name: str):
        """Convolution or matrix product, normalised, ReLU."""
        own = self.parameters[name]
        x = product(x, own["kernel"].astype(jnp.bfloat16))
        mean, variance = self._moments(x.astype(jnp.float32), name)
        scale = own["gamma"] * jax.lax.rsqrt(variance + EPSILON)
        x = x * scale + (own["beta"] - mean * scale)
        return jax.nn.relu(x).astype(jnp.bfloat16)

    def _moments(self, x, name: str):
        old = self.statistics[name]
        if self.key is None:
            return old["mean"], old["variance"]
        axes = tuple(range(x.ndim - 1))
        mean = jnp.mean(x, axes)
        variance = jnp.maximum(jnp.mean(x * x, axes) - mean * mean, 0.0)
        new = {"mean": mean, "variance": variance}
        self.statistics[name] = jax.tree.map(
            lambda old, new: MOMENTUM * old + (1 - MOMENTUM) * new, old, new
        )
        return mean, variance

    def dropped(self, x, rate: float):
        if self.key is None or rate == 0:
            return x
        self.key, own = jax.random.split(self.key)
        is_kept = jax.random.bits(own, x.shape, "uint8") >= round(rate * 256)
        return jnp.where(is_kept, x / (1 - round(rate * 256) / 256), 0)

    def logits(self, x):
        own = self.parameters["logits"]
        return x.astype(jnp.float32) @ own["kernel"] + own["bias"]


def product(x, kernel):
    """A convolution or a matrix product, by the kernel's shape, without bias."""
    if kernel.ndim == 2:
        return x @ kernel
    if kernel.shape[2] == 1:
        # One input channel: a matrix product saves a tenth of the whole step.
        return _patches(x) @ kernel.reshape(9, -1)
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _patches(x):
    """The 3x3 pixels around each, `[n, height, width, 1]` to `[..., 9]`."""
    height, width = x.shape[1:3]
    around = jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    moved = [
        around[:, down : down + height, across : across + width]
        for down in range(3)
        for across in range(3)
    ]
    return jnp.concatenate(moved, axis=-1)


def pooled(x):
    """2x2 max pooling; an odd last row or column is dropped."""
    count, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    x = x.reshape(count, height // 2, 2, width // 2, 2, channels)
    return jnp.max(x, axis=(2, 4))


def folded(parameters, statistics) -> dict[str, np.ndarray]:
    """Folds normalisation into equivalent plain layers.

    Returns:
        `layer/kernel` and `layer/bias` -> float32.
    """
    plain = {}
    for name, own in parameters.items():
        kernel, bias = own["kernel"], own.get("bias")
        if bias is None:
            seen = statistics[name]
            scale = own["gamma"] / np.sqrt(seen["variance"] + EPSILON)
            kernel, bias = kernel * scale, own["beta"] - seen["mean"] * scale
        plain[f"{name}/kernel"] = np.asarray(kernel, np.float32)
        plain[f"{name}/bias"] = np.asarray(bias, np.float32)
    return plain
