"""Batch normalisation for training, folded into the plain layers afterwards.

Ioffe and Szegedy, "Batch normalization" (2015). Once trained, a normalisation
only scales and shifts its channels, which the kernel before it can do as well:
what is evaluated and exported has the plain layers of `build_encoder`.
"""

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf.models.nested_layers import innermost_layers

SUFFIX = "_norm"  # `block1_conv1` is normalised by `block1_conv1_norm`


@keras.saving.register_keras_serializable("mnist_sum_tf")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer by TensorFlow's fused operation on one replica.

    Keras 3 computes it in a dozen steps, in float32: the whole training step of
    the compact encoder then takes 1.7 times as long under `mixed_bfloat16`.
    Several replicas compute the statistics of the global batch, as Keras does
    with `synchronized=True`, so that they learn what one replica learns.
    """

    def __init__(self, **kwargs):
        kwargs.setdefault("synchronized", True)
        super().__init__(**kwargs)

    def call(self, inputs, training=None, mask=None):
        """Float `[n, height, width, channels]` or `[n, channels]` to the same."""
        is_image = len(inputs.shape) == 4
        if not (training and is_image and _is_alone()):
            return super().call(inputs, training=training, mask=mask)
        scale, offset, moving_mean, moving_variance = (
            tf.convert_to_tensor(variable)
            for variable in (
                self.gamma,
                self.beta,
                self.moving_mean,
                self.moving_variance,
            )
        )
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=scale,
            offset=offset,
            mean=[],
            variance=[],
            epsilon=self.epsilon,
            is_training=True,
        )
        # The op returns the unbiased variance (n - 1); Keras uses the biased one.
        values = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
        variance *= (values - 1) / values
        for variable, old, new in (
            (self.moving_mean, moving_mean, mean),
            (self.moving_variance, moving_variance, variance),
        ):
            variable.assign(old * self.momentum + new * (1 - self.momentum))
        return outputs


def _is_alone() -> bool:
    context = tf.distribute.get_replica_context()
    return context is None or context.num_replicas_in_sync == 1


def statistics_of(model: keras.Model) -> list[keras.Variable]:
    """The moving mean and variance of each of a model's normalising layers."""
    return [
        variable
        for layer in innermost_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
        for variable in (layer.moving_mean, layer.moving_variance)
    ]


def fold_normalization(normalized: keras.Model, plain: keras.Model) -> None:
    """Sets a plain model's weights to be equivalent to a normalised model's.

    A layer's output w x, normalised, is
    gamma (w x - mean) / sqrt(variance + epsilon) + beta.

    Args:
        normalized: some of its layers, those without bias, are followed by one of
            the same name and `SUFFIX`; evaluated with its moving statistics.
        plain: has the same layers with kernels, by name, without those; its
            weights are set.
    """
    for layer in plain.layers:
        if not layer.weights:
            continue
        kernel, *bias = normalized.get_layer(layer.name).weights
        name = layer.name + SUFFIX
        if name in (each.name for each in normalized.layers):
            norm = normalized.get_layer(name)
            scale = norm.gamma / keras.ops.sqrt(norm.moving_variance + norm.epsilon)
            kernel, bias = kernel * scale, [norm.beta - norm.moving_mean * scale]
        layer.kernel.assign(kernel)
        layer.bias.assign(bias[0])


def unfold_normalization(plain: keras.Model, normalized: keras.Model, images) -> None:
    """Sets a normalised model's weights to be equivalent to a plain model's.

    The inverse of `fold_normalization`, up to the norm of the kernels, which
    normalisation cancels: it is set to that of He initialisation, so that a
    learning rate has the same effect as from scratch.

    Args:
        plain: see `fold_normalization`.
        normalized: likewise; its weights are set.
        images: uint8 `[n, 40, 168, 1]`, from which statistics are taken.
    """
    normalizations = {}
    for layer in normalized.layers:
        if not layer.weights or layer.name.endswith(SUFFIX):
            continue
        kernel, bias = plain.get_layer(layer.name).get_weights()
        if layer.use_bias:
            layer.set_weights([kernel, bias])
            continue
        flat = kernel.reshape(-1, len(bias))
        scale = np.maximum(np.linalg.norm(flat, axis=0) / np.sqrt(2), 1e-6)
        layer.set_weights([kernel / scale])
        norm = normalized.get_layer(layer.name + SUFFIX)
        normalizations[layer.name] = norm, scale, bias
        # For the moment it only scales and shifts.
        norm.set_weights([scale, bias, 0 * bias, np.full_like(bias, 1 - norm.epsilon)])
    inputs = [normalized.get_layer(name).output for name in normalizations]
    found = keras.Model(normalized.inputs[0], inputs)(images, training=False)
    for (norm, scale, bias), values in zip(normalizations.values(), found):
        _take_statistics(norm, scale, bias, tf.cast(values, tf.float32))


def _take_statistics(norm, scale, bias, values) -> None:
    """Sets a layer's statistics to its inputs', and lets gamma and beta undo that.

    Args:
        norm: the layer; its weights are set.
        scale: what it multiplies by, `[channels]`.
        bias: what it adds, `[channels]`.
        values: its inputs, `[..., channels]`.
    """
    axes = list(range(values.shape.rank - 1))
    mean, variance = (m.numpy() for m in tf.nn.moments(values, axes))
    deviation = np.sqrt(variance + norm.epsilon)
    norm.set_weights([scale * deviation, bias + scale * mean, mean, variance])
