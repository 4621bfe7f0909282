"""Equivalents of TensorFlow's 3x3 convolution that learn faster on a CPU."""

import tensorflow as tf

# Where matrix products are faster, (most pixels of an image, fewest channels times
# filters): for the kernel's gradient, and for the whole convolution. Measured on two
# cores of an AMD EPYC; on those of an Intel Xeon, an earlier version of the gradient
# with 2**19 and more.
GRADIENT_LIMITS = {
    tf.bfloat16: [(32, 2**15), (128, 2**17)],
    tf.float32: [(32, 2**19)],
}
CONVOLUTION_LIMITS = {tf.float32: [(32, 2**20)]}


def fastest_convolution(image_shape, filters: int, dtype):
    """`convolve` or an equivalent that learns faster on a CPU.

    Args:
        image_shape: `(n, height, width, channels)`.
        filters: number of output channels.
        dtype: of the kernel.
    """
    _, height, width, channels = image_shape

    def is_within(limits) -> bool:
        return any(
            height * width <= most_pixels and channels * filters >= fewest_weights
            for most_pixels, fewest_weights in limits.get(dtype, ())
        )

    if is_within(CONVOLUTION_LIMITS):
        return convolve_by_product
    if is_within(GRADIENT_LIMITS):
        return convolve_with_product_gradients
    return convolve


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
def convolve_with_product_gradients(images, kernel):
    """`convolve` whose kernel's gradient is nine matrix products, one for each place."""

    def gradients(upstream):
        of_images = tf.nn.conv2d_transpose(
            upstream, kernel, tf.shape(images), strides=1, padding="SAME"
        )
        flat = _flat(upstream)
        products = [
            tf.matmul(_flat(moved), flat, transpose_a=True) for moved in _moved(images)
        ]
        return of_images, tf.reshape(tf.stack(products), kernel.shape)

    return convolve(images, kernel), gradients


def convolve_by_product(images, kernel):
    """`convolve` as one matrix product, and so its gradients."""
    # What the kernel sees of each pixel, [n * height * width, 9 * channels].
    seen = _flat(tf.concat(_moved(images), axis=-1))
    flat = tf.matmul(seen, _flat(kernel))
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


def _flat(values) -> tf.Tensor:
    """`[..., channels]` as a matrix of rows of channels."""
    return tf.reshape(values, [-1, values.shape[-1]])


def _moved(images) -> list[tf.Tensor]:
    """The images as each of the kernel's nine places sees them, padded with 0."""
    height, width = images.shape[1:3]
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return [
        padded[:, down : down + height, across : across + width]
        for down in range(3)
        for across in range(3)
    ]
