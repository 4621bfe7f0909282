"""Keras' layers with faster implementations for training.

In inference they are Keras' own; in training they differ by rounding, and
dropout by its random numbers.
"""

import keras
import tensorflow as tf

# Limits within which a matrix product is faster, measured on two cores of an
# Intel Xeon, in bfloat16 and float32.
MOST_PIXELS = 32
FEWEST_WEIGHTS = 512 * 1024
_WORD_VALUES = 2**16


@keras.saving.register_keras_serializable("mnist_sum_tf")
class Conv2D(keras.layers.Conv2D):
    """A convolution that computes its kernel's gradient by one matmul where faster.

    For small images of many channels oneDNN takes two to four times as long:
    370 ms for 128 images of 2x10 pixels, 1024 to 1024 channels, in bfloat16; the
    product takes 110.
    """

    def call(self, inputs, training=False):
        """Float `[n, height, width, channels]` to `[n, height, width, filters]`."""
        pays = self._is_plain() and product_pays(inputs.shape, self.filters)
        if not (training and pays):
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        outputs = convolve(inputs, kernel)
        if self.use_bias:
            outputs = outputs + tf.convert_to_tensor(self.bias)
        return self.activation(outputs)

    def _is_plain(self) -> bool:
        """Whether this layer's settings are those that `convolve` implements."""
        ones = {*self.strides, *self.dilation_rate, self.groups}
        form = self.kernel_size, self.padding, self.data_format
        return ones == {1} and form == ((3, 3), "same", "channels_last")


def product_pays(image_shape, filters: int) -> bool:
    """Whether a 3x3 kernel's gradient is faster as a matrix product.

    Args:
        image_shape: `(n, height, width, channels)`.
        filters: number of output channels.
    """
    _, height, width, channels = image_shape
    return (
        height * width <= MOST_PIXELS
        and channels * filters >= FEWEST_WEIGHTS
        and not tf.config.list_physical_devices("GPU")
    )


@tf.custom_gradient
def convolve(images, kernel):
    """`tf.nn.conv2d` with padding and strides of 1; see `Conv2D` for its gradient.

    Args:
        images: float `[n, height, width, channels]`.
        kernel: `[3, 3, channels, filters]` of the same type.

    Returns:
        `[n, height, width, filters]`.
    """

    def gradients(upstream):
        of_images = tf.nn.conv2d_transpose(
            upstream, kernel, tf.shape(images), strides=1, padding="SAME"
        )
        flat = tf.reshape(upstream, [-1, kernel.shape[-1]])
        of_kernel = tf.matmul(_neighbourhoods(images), flat, transpose_a=True)
        return of_images, tf.reshape(of_kernel, kernel.shape)

    return tf.nn.conv2d(images, kernel, strides=1, padding="SAME"), gradients


def _neighbourhoods(images) -> tf.Tensor:
    """The 3x3 pixels around each, `[n * height * width, 9 * channels]`."""
    height, width, channels = images.shape[1:]
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    moved = [
        padded[:, down : down + height, across : across + width]
        for down in range(3)
        for across in range(3)
    ]
    return tf.reshape(tf.concat(moved, axis=-1), [-1, 9 * channels])


@keras.saving.register_keras_serializable("mnist_sum_tf")
class Dropout(keras.layers.Dropout):
    """Dropout by 16 random bits per value: each random word serves two values.

    The rate is rounded to the nearest 1/65536; kept values are scaled accordingly.
    """

    def call(self, inputs, training=False):
        """Float tensor to one of its shape."""
        dropped = round(self.rate * _WORD_VALUES)
        if not training or not 0 < dropped < _WORD_VALUES or self.noise_shape:
            return super().call(inputs, training=training)
        halves = random_half_words(tf.shape(inputs), self.seed_generator.next())
        is_kept = halves >= dropped
        scale = _WORD_VALUES / (_WORD_VALUES - dropped)
        return tf.where(is_kept, inputs * scale, tf.zeros([], inputs.dtype))


def random_half_words(shape, seed) -> tf.Tensor:
    """Uniform whole numbers, uint16 of a shape, from 0 to 65535.

    Args:
        shape: int32 vector.
        seed: int32 or int64 `[2]`.
    """
    count = tf.reduce_prod(tf.cast(shape, tf.int64))
    words = tf.random.stateless_uniform(
        [(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.uint32
    )
    return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:count], shape)
