"""Presets: `compact` trains well on a laptop, `original` as the original did.

`compact`: python scripts/train_encoder.py --workdir=W (base_channels 16).
`speedrun`: python scripts/train_encoder.py --workdir=W --preset=speedrun: one
layout, as fast as possible towards 99 % of its validation sums, where it stops (what
it reached, and when: README).
`original`: the PyTorch project's own settings (base_channels 64, constant rates,
no clipping, no averaging); its encoder took 621 epochs of 2,498 images.
"""

import dataclasses

from mnist_sum_tf import config
from mnist_sum_tf.user_errors import UserError

_NORMALIZED = config.ModelConfig(normalized=True)
_AUGMENTED = config.DataConfig(augmented=True)

_COMPACT = {
    "cell_reader": config.Config(
        stage="cell_reader",
        objective="distribution",
        total_steps=4_000,
        global_batch_size=64,
        optimizer=config.OptimizerConfig(learning_rate=2e-3),
    ),
    "encoder": config.Config(
        stage="encoder", objective="digits", data=_AUGMENTED, model=_NORMALIZED
    ),
    "decoder": config.Config(
        stage="decoder",
        objective="expected_sum",
        total_steps=20_000,
        global_batch_size=1024,
        checkpoint_every_steps=5_000,
        evaluate_every_steps=5_000,
        log_every_steps=500,
        optimizer=config.OptimizerConfig(learning_rate=2e-3, average_decay=0.999),
    ),
    "sum_model": config.Config(
        stage="sum_model",
        objective="distribution",
        total_steps=6_000,
        data=_AUGMENTED,
        model=_NORMALIZED,
    ),
}

# The original's epochs: "over 621" of the encoder, "over 700" end to end.
ORIGINAL_EPOCHS = {"encoder": 621, "decoder": 25, "sum_model": 700}
# 2,775 images, 90 % of them trained on in batches of 16.
_ORIGINAL_STEPS_PER_EPOCH = 157
_ORIGINAL_OPTIMIZER = config.OptimizerConfig(
    learning_rate=1e-5,
    schedule="constant",
    warmup_steps=0,
    gradient_clip_norm=None,
    average_decay=0.0,
)


def _original(stage, objective, learning_rate, **changes):
    return config.Config(
        stage=stage,
        objective=objective,
        preset="original",
        total_steps=ORIGINAL_EPOCHS[stage] * _ORIGINAL_STEPS_PER_EPOCH,
        global_batch_size=16,
        log_every_steps=_ORIGINAL_STEPS_PER_EPOCH,
        evaluate_every_steps=10 * _ORIGINAL_STEPS_PER_EPOCH,
        checkpoint_every_steps=10 * _ORIGINAL_STEPS_PER_EPOCH,
        data=config.DataConfig(layout="scattered", train_fraction=0.9),
        model=config.ModelConfig(base_channels=64),
        optimizer=dataclasses.replace(_ORIGINAL_OPTIMIZER, learning_rate=learning_rate),
        **changes,
    )


_ORIGINAL = {
    "encoder": _original("encoder", "digits", 1e-5),
    "decoder": _original("decoder", "one_hot_sum", 1e-3),
    "sum_model": _original("sum_model", "regression", 1e-4, train_encoder=False),
}

_SPEEDRUN = {
    "encoder": config.Config(
        stage="encoder",
        objective="digits",
        preset="speedrun",
        total_steps=7_000,
        evaluate_every_steps=200,
        stop_at_accuracy=0.99,
        data=config.DataConfig(
            layout="tiled", deformed=True, mixup_share=0.25, validates_all_layouts=False
        ),
        model=_NORMALIZED,
        optimizer=config.OptimizerConfig(learning_rate=2e-3, weight_decay=0.5),
    ),
}

_PRESETS = {"compact": _COMPACT, "speedrun": _SPEEDRUN, "original": _ORIGINAL}


def stages_of(name: str) -> tuple[str, ...]:
    """The stages, of `config.STAGES`, that a preset has settings for."""
    return tuple(_PRESETS[name])


def get_preset(name: str, stage: str) -> config.Config:
    """Returns a preset's settings of one stage.

    Args:
        name: one of `config.PRESETS`.
        stage: one of `config.STAGES`.

    Raises:
        UserError: if there is no such preset, or it has no such stage.
    """
    if name not in _PRESETS:
        raise UserError(
            f"--preset must be one of {', '.join(_PRESETS)}. Received: {name!r}"
        )
    if stage not in _PRESETS[name]:
        raise UserError(
            f"--preset={name} is for {', '.join(_PRESETS[name])} alone. "
            f"Received: {stage}"
        )
    return _PRESETS[name][stage]
