"""Keras' layers with faster implementations for training.

In inference they are Keras' own; in training they differ by rounding, and
dropout by its random numbers.
"""

import keras
import tensorflow as tf

# Limits within which matrix products are faster: of a kernel's gradient in any
# precision, of the whole convolution in float32. Measured on two cores of an Intel
# Xeon (the gradient) and of an AMD EPYC (both).
MOST_PIXELS = 32
FEWEST_WEIGHTS = 512 * 1024
FEWEST_WEIGHTS_FLOAT32 = 1024 * 1024
_WORD_VALUES = 2**16


@keras.saving.register_keras_serializable("mnist_sum_tf")
class Conv2D(keras.layers.Conv2D):
    """A convolution that learns by matrix products where they are faster.

    For small images of many channels oneDNN takes two to four times as long for a
    kernel's gradient: 370 ms for 128 images of 2x10 pixels, 1024 to 1024 channels,
    in bfloat16; the product takes 110. In float32 it also takes 1.2 to 1.5 times as
    long for those outputs and gradients, and five times for a bias's gradient.
    """

    def call(self, inputs, training=False):
        """Float `[n, height, width, channels]` to `[n, height, width, filters]`."""
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        if not training or on_gpu or not self._is_plain():
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        method = fastest_convolution(inputs.shape, self.filters, kernel.dtype)
        outputs = method(inputs, kernel)
        if self.use_bias:
            outputs = add_bias(outputs, tf.convert_to_tensor(self.bias))
        return self.activation(outputs)

    def _is_plain(self) -> bool:
        """Whether this layer's settings are those of `convolve`."""
        ones = {*self.strides, *self.dilation_rate, self.groups}
        form = self.kernel_size, self.padding, self.data_format
        return ones == {1} and form == ((3, 3), "same", "channels_last")


def fastest_convolution(image_shape, filters: int, dtype):
    """`convolve` or an equivalent that learns faster on a CPU.

    Args:
        image_shape: `(n, height, width, channels)`.
        filters: number of output channels.
        dtype: of the kernel.
    """
    _, height, width, channels = image_shape
    weights = channels * filters
    if height * width > MOST_PIXELS or weights < FEWEST_WEIGHTS:
        return convolve
    if dtype == tf.float32 and weights >= FEWEST_WEIGHTS_FLOAT32:
        return convolve_by_product
    return convolve_with_product_gradient


def convolve(images, kernel):
    """`tf.nn.conv2d` with padding and strides of 1.

    Args:
        images: float `[n, height, width, channels]`.
        kernel: `[3, 3, channels, filters]` of the same type.

    Returns:
        `[n, height, width, filters]`.
    """
    return tf.nn.conv2d(images, kernel, strides=1, padding="SAME")


@tf.custom_gradient
def convolve_with_product_gradient(images, kernel):
    """`convolve` whose kernel's gradient is one matrix product."""

    def gradients(upstream):
        of_images = tf.nn.conv2d_transpose(
            upstream, kernel, tf.shape(images), strides=1, padding="SAME"
        )
        flat = tf.reshape(upstream, [-1, kernel.shape[-1]])
        of_kernel = tf.matmul(_neighbourhoods(images), flat, transpose_a=True)
        return of_images, tf.reshape(of_kernel, kernel.shape)

    return convolve(images, kernel), gradients


def convolve_by_product(images, kernel):
    """`convolve` as one matrix product, and so its gradients."""
    flat = tf.matmul(
        _neighbourhoods(images), tf.reshape(kernel, [-1, kernel.shape[-1]])
    )
    return tf.reshape(flat, [-1, *images.shape[1:3], kernel.shape[-1]])


def add_bias(outputs, bias):
    """`tf.nn.bias_add`; in float32 with a gradient that oneDNN does not fuse.

    Fused with the kernel's gradient it takes 17 ms for 32 images of 40x168 pixels
    and 64 channels; the sum takes 3. In bfloat16 the fused one is the faster.
    """
    return (_add_float32_bias if bias.dtype == tf.float32 else tf.nn.bias_add)(
        outputs, bias
    )


@tf.custom_gradient
def _add_float32_bias(outputs, bias):
    def gradients(upstream):
        return upstream, tf.reduce_sum(upstream, axis=[0, 1, 2])

    return tf.nn.bias_add(outputs, bias), gradients


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
