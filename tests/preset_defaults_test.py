"""What the help of flags says of the presets."""

import pathlib

import pytest

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "scripts"


@pytest.fixture
def in_presets(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    from preset_defaults import in_presets

    return in_presets


@pytest.mark.parametrize(
    "setting, text",
    [
        ("seed", "0."),
        ("deterministic", "off."),
        ("precision", "auto."),
        (
            "total_steps",
            "12,000 (cell_reader 4,000, decoder 20,000, sum_model 6,000); "
            "preset speedrun: 7,000; preset original: 97,497 (decoder 3,925, "
            "sum_model 109,900).",
        ),
        (
            "optimizer.learning_rate",
            "0.001 (cell_reader 0.002, decoder 0.002); "
            "preset speedrun: 0.002; preset original: 1e-05 (decoder 0.001, "
            "sum_model 0.0001).",
        ),
        # That of the decoder alone differs, which speedrun does not have.
        ("checkpoint_every_steps", "500 (decoder 5,000); preset original: 1,570."),
        ("stop_at_accuracy", "none; preset speedrun: 0.99."),
    ],
)
def test_values_of_all_stages(in_presets, setting, text):
    assert in_presets(setting) == f" Default: {text}"


def test_values_of_some_stages(in_presets):
    assert in_presets("model.normalized", ("encoder", "sum_model")) == (
        " Default: on; preset original: off."
    )
    assert in_presets("data.mixup_share", ("encoder",)) == (
        " Default: 0.0; preset speedrun: 0.25."
    )
