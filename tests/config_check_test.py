"""Settings that no training takes, whether flags or Python gave them."""

import dataclasses
import pathlib

import pytest

from mnist_sum_tf import config, config_check
from mnist_sum_tf.presets import get_preset, stages_of
from mnist_sum_tf.training import stages
from mnist_sum_tf.user_errors import UserError


def changed(
    name: str, value, settings=get_preset("compact", "encoder")
) -> config.Config:
    """Settings, by default the encoder's, with one of another value."""
    *part, name = name.split(".")
    if not part:
        return dataclasses.replace(settings, **{name: value})
    inner = dataclasses.replace(getattr(settings, *part), **{name: value})
    return dataclasses.replace(settings, **{part[0]: inner})


@pytest.mark.parametrize("preset", config.PRESETS)
def test_presets_can_be(preset):
    for stage in stages_of(preset):
        settings = get_preset(preset, stage)
        config_check.check_settings(settings)
        config_check.check_stage(settings, stage)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("seed", -1, f"--seed must be a whole number from 0 to {2**31 - 1}"),
        ("seed", 2**32, "--seed must be"),
        ("total_steps", 0, "--total_steps must be a whole number from 1 "),
        ("total_steps", "4", "--total_steps must be"),
        ("total_steps", True, "--total_steps must be"),
        ("log_every_steps", 0, "--log_every_steps must be a whole number from 1 "),
        ("evaluate_every_steps", 2.5, "--evaluate_every_steps must be"),
        ("skip_non_finite", None, "--skip_non_finite must be"),
        ("decorrelation", -1.0, "--decorrelation must be a number from 0.0 "),
        ("stop_at_accuracy", float("nan"), "--stop_at_accuracy must be"),
        ("data.mixup_share", 1.5, "--mixup_share must be a number from 0.0 to 1.0"),
        ("data.degradation_share", float("nan"), "--degradation_share must be"),
        ("model.dropout_rate", 1.0, "--dropout_rate must be a number from 0.0 to 0.9"),
        ("model.base_channels", 2.5, "--base_channels must be a whole number"),
        ("model.block_channels", (2, 4, 8), "--block_channels must be 5 whole numbers"),
        ("model.block_channels", (), "--block_channels must be 5 whole numbers"),
        ("model.block_channels", 16, "--block_channels must be 5 whole numbers"),
        ("model.block_channels", (2, 4, 8, 0, 4), "--block_channels must be"),
        *(
            (
                "optimizer.learning_rate",
                value,
                "--learning_rate must be a number from 1.2",
            )
            for value in (0.0, -1.0, 1e-46, 1e39, float("nan"), float("inf"), "1")
        ),
        *(
            (
                "optimizer.weight_decay",
                value,
                "--weight_decay must be a number from 0.0",
            )
            for value in (-0.1, 1e39, float("nan"), float("inf"))
        ),
        ("optimizer.schedule", "linear", "schedule must be one of cosine, constant"),
        ("optimizer.gradient_clip_norm", 0, "optimizer.gradient_clip_norm must be"),
        ("optimizer.average_decay", 2, "optimizer.average_decay must be"),
        ("data.sums", "y.npy", "--sums requires --images. Received: --sums=y.npy"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path, name, value, message
):
    with pytest.raises(UserError) as raised:
        stages.train_encoder(changed(name, value), tmp_path / "W")
    assert str(raised.value).startswith(message)
    assert "Received: " in str(raised.value)
    assert not (tmp_path / "W").exists()


def test_a_block_is_no_wider_than_doubling_allows():
    """Five blocks begin with 1,024 channels at most."""
    settings = changed("model.block_channels", (2, 4, 8, 4, 2**14 + 1))
    with pytest.raises(UserError, match="5 whole numbers from 1 to 16384, .*16385'$"):
        config_check.check_settings(settings)


@pytest.mark.parametrize(
    "name, value",
    [
        *((name, None) for name in config_check.MAY_BE_NONE),
        ("stop_at_accuracy", 1.5),
        ("stop_at_accuracy", float("inf")),
        ("skip_non_finite", 0),
        ("decorrelation", 10),
        ("optimizer.average_decay", 0),
        ("optimizer.average_decay", 1.0),
        ("optimizer.warmup_steps", 0),
        ("model.dropout_rate", 0),
        ("model.block_channels", [16, 48, 128, 160, 208]),
        ("model.block_channels", (2, 4, 8, 4, 2**14)),
        ("checkpoint_every_steps", 10**9),
        ("data.mixup_share", 1),
    ],
)
def test_what_can_be(name, value):
    config_check.check_settings(changed(name, value))


@pytest.mark.parametrize(
    "train, stage, objective, message",
    [
        (stages.train_encoder, "decoder", "expected_sum", "stage must be 'encoder'"),
        (stages.train_encoder, "encoder", "distribution", "one of digits for"),
        (stages.train_decoder, "decoder", "nope", "one of expected_sum, one_hot_sum"),
        (
            stages.train_end_to_end,
            "sum_model",
            "Regression",
            "one of distribution, regression for the stage sum_model. "
            "Received: 'Regression'",
        ),
        (stages.train_cell_reader, "cell_reader", "digits", "one of distribution for"),
    ],
)
def test_each_stage_has_its_objectives(tmp_path, train, stage, objective, message):
    settings = config.Config(stage=stage, objective=objective)
    with pytest.raises(UserError, match=message):
        train(settings, tmp_path / "W")
    assert not (tmp_path / "W").exists()


@pytest.mark.parametrize(
    "name, value, received",
    [("teacher", "T", "--teacher=T"), ("data.mixup_share", 0.5, "--mixup_share=0.5")],
)
def test_what_teaches_the_encoder_alone_is_refused_elsewhere(name, value, received):
    settings = changed(name, value, get_preset("compact", "sum_model"))
    with pytest.raises(
        UserError, match=f"Received: {received} for the stage sum_model$"
    ):
        config_check.check_stage(settings, "sum_model")


def test_paths_are_kept_as_text():
    settings = changed("data.images", pathlib.Path("my_pngs"))
    assert settings.to_dict()["data"]["images"] == "my_pngs"
