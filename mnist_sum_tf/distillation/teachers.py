"""Networks that read single digits, each trained without a sixth of them.

A teacher judges digits that it has not memorised by their looks: of an odd digit,
the teachers' mean says what it may be.
"""

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from mnist_sum_tf.distillation import deformed_digits, drawing, learning, networks

SHARES = 6  # teacher k sees no digit whose index is k modulo this
BATCH_IMAGES = 256  # of four digits each
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
AVERAGE_DECAY = 0.998


def begin(number: int, seed: int):
    """A teacher's parameters and statistics before it learns."""
    return networks.initial(_key(number, seed), networks.teacher_layers())


def make_trainer(digits, total_steps: int, seed: int):
    """A function of a teacher's number: its parameters, statistics and last loss.

    Args:
        digits: images uint8 `[n, 28, 28]` and labels integer `[n]`.
        total_steps: of `4 * BATCH_IMAGES` digits.
        seed: of weights and digits.
    """
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)
    optimizer = learning.adam(LEARNING_RATE, WEIGHT_DECAY, total_steps)
    step = jax.jit(functools.partial(_step, optimizer), donate_argnums=0)

    def train(number: int):
        state, key = learning.begin(*begin(number, seed), optimizer), _key(number, seed)
        for _ in range(total_steps):
            state, loss = step(state, key, number, images, labels)
        return state.average, state.statistics, float(loss)

    return train


def _key(number: int, seed: int):
    return jax.random.key(1000 * seed + number)


def _step(optimizer, state, key, number, images, labels):
    keys = jax.random.split(jax.random.fold_in(key, state.step))
    inputs, chosen = batch_of(keys[0], number, images, labels)
    targets = jax.nn.one_hot(labels[chosen], 10)

    def loss(parameters, statistics):
        logits, seen = networks.teacher(parameters, statistics, inputs, keys[1])
        return learning.cross_entropy(logits, targets), seen

    return learning.advanced(state, optimizer, loss, AVERAGE_DECAY)


def batch_of(key, number, images, labels):
    """Varied digits that a teacher may see, and their indices.

    Returns:
        float32 `[4 * BATCH_IMAGES, 28, 28, 1]` and int32 `[4 * BATCH_IMAGES]`.
    """
    numbers = jax.random.randint(key, [BATCH_IMAGES], 0, 2**31 - 1)
    variation = deformed_digits.variation_of(0, numbers, len(images))
    chosen = variation.chosen
    # Replaces digits that it must not see by their neighbours.
    shifted = (chosen + 1) % (len(images) - len(images) % SHARES)
    chosen = jnp.where(chosen % SHARES == number % SHARES, shifted, chosen)
    variation = variation._replace(
        chosen=chosen, other_share=jnp.zeros_like(variation.other_share)
    )
    varied = deformed_digits.varied_digits(images, labels, variation)
    return drawing.single_digits(varied, variation), chosen.reshape(-1)


@jax.jit
def predict(trained, images) -> jax.Array:
    """The mean of the teachers' probabilities, float32 `[n, 10]`."""
    return sum(
        jax.nn.softmax(networks.teacher(parameters, statistics, images)[0])
        for parameters, statistics in trained
    ) / len(trained)


def label_batches(
    trained, digits, seed: int, num_images: int, batch: int = 2048
) -> Iterator[jax.Array]:
    """The teachers' probabilities for the digits of images 0, ..., `num_images - 1`.

    Args:
        trained: a list of parameters and statistics.
        digits: images uint8 `[n, 28, 28]` and labels integer `[n]`.
        seed: see `deformed_digits.variation_of`.
        num_images: how many; a multiple of `batch` if larger.
        batch: images labelled at a time.

    Yields:
        float16 `[batch, 4, 10]`, probabilities.
    """
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)
    batch = min(batch, num_images)

    @jax.jit
    def of_batch(trained, first, images, labels):
        numbers = first + jnp.arange(batch, dtype=jnp.int32)
        variation = deformed_digits.variation_of(seed, numbers, len(images))
        varied = deformed_digits.varied_digits(images, labels, variation)
        soft_labels = predict(trained, drawing.single_digits(varied, variation))
        return soft_labels.reshape(batch, 4, 10).astype(jnp.float16)

    for first in range(0, num_images, batch):
        yield of_batch(trained, first, images, labels)


def accuracy(trained, digits, batch: int = 1000) -> float:
    """The accuracy of the teachers' mean on undeformed digits."""
    inputs = np.float32(digits.images)[..., np.newaxis]
    read = [
        np.argmax(predict(trained, inputs[first : first + batch]), -1)
        for first in range(0, len(inputs), batch)
    ]
    return float(np.mean(np.concatenate(read) == digits.labels))
