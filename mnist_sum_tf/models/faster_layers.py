"""Keras' layers with faster implementations for training.

In inference they are Keras' own; in training they differ by rounding, dropout by its
random numbers, and a ReLU that is to be pooled is left to `MaxPooling2D`.
"""

import keras
import tensorflow as tf

from mnist_sum_tf.models import convolutions


@keras.saving.register_keras_serializable("mnist_sum_tf")
class Conv2D(keras.layers.Conv2D):
    """A convolution that learns by matrix products where they are faster.

    For small images of many channels oneDNN takes up to three times as long for a
    kernel's gradient: 148 ms for 128 images of 2x10 pixels, 1024 to 1024 channels,
    in bfloat16; products take 56. In float32 it also takes 1.2 to 1.5 times as
    long for those outputs and gradients, and five times for a bias's gradient.

    With `is_pooled` its activation is ReLU, and in training that is left to this
    module's `MaxPooling2D`, which must take its outputs.
    """

    def __init__(self, *args, is_pooled: bool = False, **options):
        super().__init__(*args, **options)
        if is_pooled and self.activation is not keras.activations.relu:
            name = keras.activations.serialize(self.activation)
            raise ValueError(
                f"is_pooled requires the activation relu. Received: {name}"
            )
        self.is_pooled = is_pooled

    def get_config(self) -> dict:
        """The arguments that make a layer like this one."""
        return super().get_config() | {"is_pooled": self.is_pooled}

    def call(self, inputs, training=False):
        """Float `[n, height, width, channels]` to `[n, height, width, filters]`."""
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        if not training or on_gpu or not self._is_plain():
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        method = convolutions.fastest_convolution(
            inputs.shape, self.filters, kernel.dtype
        )
        outputs = method(inputs, kernel)
        if self.use_bias:
            outputs = convolutions.add_bias(outputs, tf.convert_to_tensor(self.bias))
        return outputs if self.is_pooled else self.activation(outputs)

    def _is_plain(self) -> bool:
        """Whether this layer's settings are those of `convolutions`."""
        ones = {*self.strides, *self.dilation_rate, self.groups}
        form = self.kernel_size, self.padding, self.data_format
        return ones == {1} and form == ((3, 3), "same", "channels_last")


@keras.saving.register_keras_serializable("mnist_sum_tf")
class ReLU(keras.layers.ReLU):
    """ReLU that in training is left to `MaxPooling2D`, which must take its outputs."""

    def call(self, inputs, training=False):
        """Float `[n, height, width, channels]` to the same."""
        return inputs if training else super().call(inputs)


@keras.saving.register_keras_serializable("mnist_sum_tf")
class MaxPooling2D(keras.layers.MaxPooling2D):
    """Max pooling of what ReLU gave or, in training, is to give.

    The largest of rectified values is the largest value, rectified: pooled first,
    fewer values have to be rectified, and so have their gradients. These are those of
    Keras' layers, bit for bit.
    """

    def call(self, inputs, training=False):
        """Float `[n, height, width, channels]` to the same, pooled."""
        pooled = super().call(inputs)
        return tf.nn.relu(pooled) if training else pooled


@keras.saving.register_keras_serializable("mnist_sum_tf")
class Dropout(keras.layers.Dropout):
    """Dropout by a random byte per value: each random word serves four values.

    A value is dropped if its byte is below 25 or 26 (of rate 0.1: 25.6 of 256); which
    of the two is drawn at each call, so that the rate is the mean, to the nearest
    1/65536. Kept values are scaled accordingly.
    """

    def call(self, inputs, training=False):
        """Float tensor to one of its shape."""
        whole, rest = divmod(round(self.rate * 2**16), 2**8)
        bytes_can_tell = 0 < whole + rest and whole < 2**8 - 1
        if not training or not bytes_can_tell or self.noise_shape:
            return super().call(inputs, training=training)
        count = tf.size(inputs, out_type=tf.int64)
        drawn = random_bytes(count + 1, self.seed_generator.next())
        dropped = whole + tf.cast(drawn[count] < rest, tf.uint8)
        scale = 2**8 / (2**8 - tf.cast(dropped, tf.float32))
        is_kept = tf.reshape(drawn[:count] >= dropped, tf.shape(inputs))
        # A product, as TensorFlow selects in twice the time.
        return inputs * (tf.cast(is_kept, inputs.dtype) * tf.cast(scale, inputs.dtype))


def random_bytes(count, seed) -> tf.Tensor:
    """Uniform whole numbers from 0 to 255, uint8 `[count]`.

    Args:
        count: int64 scalar.
        seed: int32 or int64 `[2]`.
    """
    words = tf.random.stateless_uniform(
        [(count + 3) // 4], seed, minval=None, maxval=None, dtype=tf.uint32
    )
    return tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:count]
