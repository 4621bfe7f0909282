"""Trains the encoder on its teachers' labels of deformed digits."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from mnist_sum_tf.distillation import (
    deformed_digits,
    degradation,
    drawing,
    learning,
    networks,
    placements,
)

STATISTICS_BATCHES = 64  # from which the final batch statistics are computed


@dataclasses.dataclass(frozen=True)
class StudentConfig:
    """Settings of a student's training.

    Attributes:
        total_steps: until the learning rate has risen and fallen to zero.
        global_batch_size: canvases per step, a multiple of 32.
        learning_rate: Adam's, the largest.
        weight_decay: see `learning.adam`.
        dropout_rate: after each block and before the logits.
        average_decay: of the moving average of the parameters.
        degradation_share: see `degradation.degrade`.
        seed: of weights, canvases and dropout.
    """

    total_steps: int = 38_000
    global_batch_size: int = 1024
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    dropout_rate: float = 0.05
    average_decay: float = 0.9995
    degradation_share: float = 0.5
    seed: int = 0


def begin(settings: StudentConfig) -> learning.State:
    """The state before the first step."""
    key = jax.random.key(settings.seed)
    start = networks.initial(key, networks.student_layers())
    return learning.begin(*start, _optimizer(settings))


def make_step(settings: StudentConfig, digits, soft_labels):
    """Compiles a step: state -> next state, and the loss before it.

    Args:
        settings: of the training.
        digits: images uint8 `[n, 28, 28]` and labels integer `[n]`.
        soft_labels: float16 `[a power of two, 4, 10]`, see
            `teachers.label_batches`.
    """
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)
    step = functools.partial(_step, settings, _optimizer(settings))
    step = jax.jit(step, donate_argnums=0)
    return lambda state: step(state, images, labels, soft_labels)


def _optimizer(settings: StudentConfig):
    return learning.adam(
        settings.learning_rate, settings.weight_decay, settings.total_steps
    )


def batch_of(settings: StudentConfig, step, images, labels, num_soft_labels: int):
    """The canvases of one step, and their numbers.

    Returns:
        float32 `[global_batch_size, 40, 168, 1]`, int32 `[global_batch_size]`.
    """
    keys = jax.random.split(_placing_key(settings.seed, step), 2)
    numbers = _numbers(step, settings.global_batch_size, num_soft_labels)
    variation = deformed_digits.variation_of(settings.seed, numbers, len(images))
    varied = deformed_digits.varied_digits(images, labels, variation)
    placement = placements.mixed(keys[0], placements.ink_boxes(varied))
    hard = int(settings.global_batch_size / 8 * settings.degradation_share)
    drawn = drawing.canvases(varied, placement, variation, hard)
    return degradation.degrade(drawn, keys[1], settings.degradation_share), numbers


def _placing_key(seed: int, step):
    """A key that differs from those of `variation_of`, folded from image numbers."""
    own = jax.random.fold_in(jax.random.key(seed), 2**32 - 1)  # no image's
    return jax.random.fold_in(own, step)


def _numbers(step, batch_size: int, num_soft_labels: int):
    """Every image once, then once again in another order."""
    position = step.astype(jnp.uint32) * batch_size + jnp.arange(
        batch_size, dtype=jnp.uint32
    )
    turn, place = position // num_soft_labels, position % num_soft_labels
    # Odd factors leave nothing out of a power of two.
    factor = 2 * ((turn + 1) * jnp.uint32(0x9E3779B1) >> 7) + 1
    return (place * factor + turn * 12345 & (num_soft_labels - 1)).astype(jnp.int32)


def _step(settings, optimizer, state, images, labels, soft_labels):
    canvases, numbers = batch_of(settings, state.step, images, labels, len(soft_labels))
    targets = soft_labels[numbers].astype(jnp.float32)
    targets /= jnp.sum(targets, axis=-1, keepdims=True)
    key = jax.random.fold_in(jax.random.key(settings.seed + 1), state.step)

    def loss(parameters, statistics):
        logits, seen = networks.student(
            parameters, statistics, canvases, key, settings.dropout_rate
        )
        return learning.cross_entropy(logits, targets), seen

    return learning.advanced(state, optimizer, loss, settings.average_decay)


def averaged(
    settings: StudentConfig, state: learning.State, digits, num_soft_labels: int
):
    """The averaged parameters, and their batch statistics.

    Statistics tracked in training are those of other parameters.

    Args: as `make_step`; `num_soft_labels` is the length of `soft_labels`.
    """
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)

    @jax.jit
    def seen_in(step, parameters, statistics, images, labels):
        canvases, _ = batch_of(settings, step, images, labels, num_soft_labels)
        key = jax.random.key(0)  # Training mode, but without dropout.
        return networks.student(parameters, statistics, canvases, key)[1]

    zeros = total = jax.tree.map(jnp.zeros_like, state.statistics)
    for batch in range(STATISTICS_BATCHES):
        step = jnp.int32(settings.total_steps + batch)
        seen = seen_in(step, state.average, zeros, images, labels)
        total = jax.tree.map(jnp.add, total, seen)
    # Each batch contributed `1 - MOMENTUM` times its statistics.
    share = STATISTICS_BATCHES * (1 - networks.MOMENTUM)
    return state.average, jax.tree.map(lambda values: values / share, total)


def unseen_images(settings: StudentConfig, digits, count: int):
    """Composes unseen digits as in training, but without degradation.

    Args:
        settings: of the training.
        digits: images uint8 `[n, 28, 28]` and labels integer `[n]`.
        count: of images.

    Returns:
        float32 `[count, 40, 168, 1]` in 0..255, and their sums, `[count]`.
    """
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)
    numbers = jnp.arange(count, dtype=jnp.int32)
    variation = deformed_digits.variation_of(settings.seed, numbers, len(images))
    variation = variation._replace(other_share=jnp.zeros_like(variation.other_share))
    varied = deformed_digits.varied_digits(images, labels, variation)
    boxes = placements.ink_boxes(varied)
    placement = placements.mixed(jax.random.key(settings.seed), boxes)
    drawn = drawing.canvases(varied, placement, variation)
    return np.asarray(drawn), np.asarray(labels[variation.chosen]).sum(axis=1)


@jax.jit
def plain_logits(plain, images):
    """Logits of the plain layers.

    Args:
        plain: see `networks.folded`.
        images: float32 `[n, 40, 168, 1]` in 0..255.

    Returns:
        float32 `[n, 4, 10]`.
    """
    x = images * (2 / 255) - 1
    names = list(dict.fromkeys(name.split("/")[0] for name in plain))
    for name in names:
        kernel, bias = plain[f"{name}/kernel"], plain[f"{name}/bias"]
        if name == "hidden":
            x = x.reshape(len(x), -1)
        x = networks.product(x, kernel) + bias
        if name != "logits":
            x = jax.nn.relu(x)
        if name.endswith("conv2"):
            x = networks.pooled(x)
    return x.reshape(-1, 4, 10)


def sum_accuracy(plain, images, sums, batch: int = 250) -> float:
    """The share of canvases whose likeliest digits add up to the sum."""
    read = [
        np.argmax(plain_logits(plain, np.float32(images[i : i + batch])), -1).sum(-1)
        for i in range(0, len(images), batch)
    ]
    return float(np.mean(np.concatenate(read) == sums))
