"""What a setting is in the presets, as the help of its flag says it."""

import operator

from mnist_sum_tf import config, presets


def in_presets(setting: str, stages=config.STAGES) -> str:
    """A setting's values, for the end of a flag's help.

    Args:
        setting: an attribute of `config.Config`, such as `"data.layout"`.
        stages: those that it matters to.
    """
    usual, *others = (_by_stage(name, setting, stages) for name in config.PRESETS)
    parts = [_text(usual)]
    for name, values in zip(config.PRESETS[1:], others):
        if any(values[stage] != usual[stage] for stage in values):
            parts.append(f"preset {name}: {_text(values)}")
    return f" Default: {'; '.join(parts)}."


def _by_stage(preset: str, setting: str, stages) -> dict[str, str]:
    of = operator.attrgetter(setting)
    return {
        stage: _shown(of(presets.get_preset(preset, stage)))
        for stage in presets.stages_of(preset)
        if stage in stages
    }


def _text(values: dict[str, str]) -> str:
    """The encoder's value, or the only one, and which stages have another."""
    usual = values.get("encoder") or next(iter(values.values()))
    others = [f"{stage} {value}" for stage, value in values.items() if value != usual]
    return f"{usual} ({', '.join(others)})" if others else usual


def _shown(value) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return f"{value:,}"
    return value
