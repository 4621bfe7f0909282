"""Adam with decoupled weight decay, and the state that it updates."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

WARMUP_SHARE = 0.03
GRADIENT_CLIP_NORM = 1.0


class State(NamedTuple):
    """All that a step changes."""

    parameters: Any
    statistics: Any
    optimizer: Any
    average: Any
    step: jax.Array


def adam(learning_rate: float, weight_decay: float, total_steps: int):
    """Adam with linear warm-up and cosine decay of its learning rate.

    Args:
        learning_rate: the largest.
        weight_decay: of kernels, times the rate.
        total_steps: until it has fallen to zero.
    """
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, learning_rate, int(WARMUP_SHARE * total_steps), total_steps
    )

    def kernels(parameters):
        return jax.tree.map(lambda values: values.ndim > 1, parameters)

    return optax.chain(
        optax.clip_by_global_norm(GRADIENT_CLIP_NORM),
        optax.adamw(schedule, weight_decay=weight_decay, mask=kernels),
    )


def begin(parameters, statistics, optimizer) -> State:
    """The state before the first step."""
    average = jax.tree.map(jnp.copy, parameters)
    start = optimizer.init(parameters)
    return State(parameters, statistics, start, average, jnp.zeros([], jnp.int32))


def advanced(
    state: State, optimizer, loss: Callable, average_decay: float
) -> tuple[State, jax.Array]:
    """Takes one step: the new state, and the loss before it.

    Args:
        state: before.
        optimizer: see `adam`.
        loss: (parameters, statistics) -> loss and new statistics.
        average_decay: of the moving average of the parameters.
    """
    (value, statistics), gradients = jax.value_and_grad(loss, has_aux=True)(
        state.parameters, state.statistics
    )
    updates, moments = optimizer.update(gradients, state.optimizer, state.parameters)
    parameters = optax.apply_updates(state.parameters, updates)
    # As Keras' and TensorFlow's: the first steps are soon forgotten.
    decay = jnp.minimum(average_decay, (1 + state.step) / (10 + state.step))
    average = jax.tree.map(
        lambda old, new: decay * old + (1 - decay) * new, state.average, parameters
    )
    return State(parameters, statistics, moments, average, state.step + 1), value


def cross_entropy(logits, targets) -> jax.Array:
    """Mean of `-sum targets log softmax(logits)` in nats."""
    return -jnp.mean(jnp.sum(targets * jax.nn.log_softmax(logits), axis=-1))
