"""Adam and the schedule of its learning rate."""

import math

import keras

from mnist_sum_tf import config


def create_optimizer(settings: config.Config) -> keras.optimizers.Optimizer:
    """Creates Adam with a cosine or a constant learning rate.

    Raises:
        UserError: if the schedule is unknown or the rate is not positive.
    """
    options = settings.optimizer
    if not 0 < options.learning_rate < math.inf:
        raise config.UserError(
            "--learning_rate must be a number above 0. "
            f"Received: {options.learning_rate}"
        )
    if options.schedule not in config.SCHEDULES:
        raise config.UserError(
            f"schedule must be one of {', '.join(config.SCHEDULES)}. "
            f"Received: {options.schedule!r}"
        )
    if options.schedule == "constant":
        return keras.optimizers.Adam(options.learning_rate)
    warmup_steps = min(options.warmup_steps, settings.total_steps // 4)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup_steps else options.learning_rate,
        decay_steps=max(1, settings.total_steps - warmup_steps),
        warmup_target=options.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )
    return keras.optimizers.Adam(schedule)
