"""The encoder that ships learns what its teachers say of digits written anew."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from mnist_sum_tf.distillation import (
    deformed_digits,
    drawing,
    learning,
    networks,
    placements,
    degradation,
)

STATISTICS_BATCHES = 64  # of which normalisations take what they saw, at the end


@dataclasses.dataclass(frozen=True)
class Lesson:
    """Settings of a pupil's training.

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


def begin(lesson: Lesson) -> learning.State:
    """The state before the first step."""
    key = jax.random.key(lesson.seed)
    start = networks.initial(key, networks.pupil_layers())
    return learning.begin(*start, _optimizer(lesson))


def make_step(lesson: Lesson, digits, said):
    """A compiled function of a state: the next one, and the loss before it.

    Args:
        lesson: settings.
        digits: images uint8 `[n, 28, 28]` and labels integer `[n]`.
        said: float16 `[a power of two, 4, 10]`, see `teachers.label_writings`.
    """
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)
    step = functools.partial(_step, lesson, _optimizer(lesson))
    step = jax.jit(step, donate_argnums=0)
    return lambda state: step(state, images, labels, said)


def _optimizer(lesson: Lesson):
    return learning.adam(lesson.learning_rate, lesson.weight_decay, lesson.total_steps)


def batch_of(lesson: Lesson, step, images, labels, num_said: int):
    """The canvases of one step, and their numbers.

    Returns:
        float32 `[global_batch_size, 40, 168, 1]`, int32 `[global_batch_size]`.
    """
    keys = jax.random.split(_placing_key(lesson.seed, step), 2)
    numbers = _numbers(step, lesson.global_batch_size, num_said)
    writing = deformed_digits.writing_of(lesson.seed, numbers, len(images))
    written = deformed_digits.written_digits(images, labels, writing)
    placement = placements.mixed(keys[0], placements.ink_boxes(written))
    hard = int(lesson.global_batch_size / 8 * lesson.degradation_share)
    drawn = drawing.canvases(written, placement, writing, hard)
    return degradation.degrade(drawn, keys[1], lesson.degradation_share), numbers


def _placing_key(seed: int, step):
    """Another one than that of a writing, which is folded from an image's number."""
    own = jax.random.fold_in(jax.random.key(seed), 2**32 - 1)  # no image's
    return jax.random.fold_in(own, step)


def _numbers(step, batch_size: int, num_said: int):
    """Every image once, then once again in another order."""
    position = step.astype(jnp.uint32) * batch_size + jnp.arange(
        batch_size, dtype=jnp.uint32
    )
    turn, place = position // num_said, position % num_said
    # Odd factors leave nothing out of a power of two.
    factor = 2 * ((turn + 1) * jnp.uint32(0x9E3779B1) >> 7) + 1
    return (place * factor + turn * 12345 & (num_said - 1)).astype(jnp.int32)


def _step(lesson, optimizer, state, images, labels, said):
    canvases, numbers = batch_of(lesson, state.step, images, labels, len(said))
    targets = said[numbers].astype(jnp.float32)
    targets /= jnp.sum(targets, axis=-1, keepdims=True)
    key = jax.random.fold_in(jax.random.key(lesson.seed + 1), state.step)

    def loss(parameters, statistics):
        logits, seen = networks.pupil(
            parameters, statistics, canvases, key, lesson.dropout_rate
        )
        return learning.cross_entropy(logits, targets), seen

    return learning.advanced(state, optimizer, loss, lesson.average_decay)


def averaged(lesson: Lesson, state: learning.State, digits, num_said: int):
    """The averaged parameters, and what normalisations see with them.

    What they saw while other parameters were learned does not fit these.

    Args: as `make_step`; `num_said` is the length of `said`.
    """
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)

    @jax.jit
    def seen_in(step, parameters, statistics, images, labels):
        canvases, _ = batch_of(lesson, step, images, labels, num_said)
        key = jax.random.key(0)  # Learns, as it were, without dropout.
        return networks.pupil(parameters, statistics, canvases, key)[1]

    zeros = total = jax.tree.map(jnp.zeros_like, state.statistics)
    for batch in range(STATISTICS_BATCHES):
        step = jnp.int32(lesson.total_steps + batch)
        seen = seen_in(step, state.average, zeros, images, labels)
        total = jax.tree.map(jnp.add, total, seen)
    # Each was worth `1 - MOMENTUM` of what that batch has.
    share = STATISTICS_BATCHES * (1 - networks.MOMENTUM)
    return state.average, jax.tree.map(lambda values: values / share, total)


def unseen_images(lesson: Lesson, digits, count: int):
    """Digits written and placed as those that are learned from, not degraded.

    Args:
        lesson: settings.
        digits: images uint8 `[n, 28, 28]` and labels integer `[n]`.
        count: of images.

    Returns:
        float32 `[count, 40, 168, 1]` in 0..255, and their sums, `[count]`.
    """
    images, labels = jnp.asarray(digits.images), jnp.asarray(digits.labels, jnp.int32)
    numbers = jnp.arange(count, dtype=jnp.int32)
    writing = deformed_digits.writing_of(lesson.seed, numbers, len(images))
    writing = writing._replace(other_share=jnp.zeros_like(writing.other_share))
    written = deformed_digits.written_digits(images, labels, writing)
    boxes = placements.ink_boxes(written)
    placement = placements.mixed(jax.random.key(lesson.seed), boxes)
    drawn = drawing.canvases(written, placement, writing)
    return np.asarray(drawn), np.asarray(labels[writing.chosen]).sum(axis=1)


@jax.jit
def plain_logits(plain, images):
    """What plain layers read.

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
