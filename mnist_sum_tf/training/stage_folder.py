"""A stage's folder belongs to one experiment."""

import json
import logging
import os
import pathlib

from mnist_sum_tf import config, config_check
from mnist_sum_tf.atomic_files import write_atomically
from mnist_sum_tf.training.history import read_history
from mnist_sum_tf.training.stage_lock import unwritable
from mnist_sum_tf.user_errors import UserError

CONFIG_FILE = "config.json"
# Digests kept of a run's training data and of its teacher.
DIGESTS = ("data_digest", "digits_digest", "teacher_digest")
DIGEST_MESSAGES = dict.fromkeys(
    DIGESTS[:2], "the images or their labels have changed: "
)
DIGEST_MESSAGES |= {"teacher_digest": "the teachers or their weights have changed: "}
# Settings that may differ between a run and its continuation: how long, on what and
# how precisely it runs, not which experiment it is.
FREE_SETTINGS = (
    "preset",
    "total_steps",
    "precision",
    "strategy",
    "checkpoint_every_steps",
    "evaluate_every_steps",
    "log_every_steps",
    "skip_non_finite",
    "stop_at_accuracy",
    "deterministic",
    "data.tfds_data_dir",
    "tfds_data_dir",
)
# A decoder learns from logits, whatever images and encoder there are.
FREE_OF_DECODER = ("data.", "model.")
# Names of settings in older runs.
CURRENT_NAMES = {
    "bent": "deformed",
    "bend_strength": "deformation_strength",
    "worn": "degraded",
    "wear_share": "degradation_share",
    "lesson": "student",
    "num_writings": "num_labelled_images",
}
# Settings that are gone -> the value under which older runs go on as if without.
GONE = {"hard_share": 0.0, "degraded": True}
# May differ in older runs, which did not refuse flags without effect.
WITHOUT_EFFECT_IN_MIXED = ("data.deformed",)
WITHOUT_EFFECT_ELSEWHERE = ("data.degradation_share",)
# Settings that name files -> the digest of the files' content.
DIGEST_OF_PATH = dict.fromkeys(
    ("data.digits", "data.images", "data.sums", "digits"), "data_digest"
)
DIGEST_OF_PATH |= {"teacher": "teacher_digest", "initial_model": None}


def settings_before(stage_dir, settings: dict) -> dict:
    """A stage's old settings, or the new ones where there are none.

    Args:
        stage_dir: the stage's folder.
        settings: the new content of `config.json`.

    Raises:
        UserError: if the old ones are of another experiment; those that differ are
            named.
    """
    path = pathlib.Path(stage_dir) / CONFIG_FILE
    if not path.exists():
        return settings
    old = read_settings(path)
    check_same(path, old, settings)
    return old


def claim_directory(stage_dir, settings: dict) -> None:
    """Writes a stage's settings.

    Args, Raises: as `settings_before`; also if the folder cannot be written.
    """
    path = pathlib.Path(stage_dir) / CONFIG_FILE
    old = settings_before(stage_dir, settings)
    if path.exists() and old == settings:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(settings, indent=2) + "\n")
    except OSError as error:
        raise unwritable(error) from error


def check_goes_on(stage_dir, settings: dict) -> None:
    """Compares a stage's settings, where it has any, before its data are read.

    Args:
        stage_dir: the stage's folder.
        settings: the content of `config.json`, without the data's digests.

    Raises:
        UserError: if it holds another experiment; the differing settings are named.
    """
    path = pathlib.Path(stage_dir) / CONFIG_FILE
    if path.exists():
        old = read_settings(path)
        check_same(path, old, {name: old.get(name) for name in DIGESTS} | settings)


def check_same(path, old: dict, new: dict) -> None:
    """Compares the settings that decide what is learned.

    Args:
        path: where the old ones were found.
        old: settings as nested dictionaries.
        new: settings as nested dictionaries.

    Raises:
        UserError: if they differ.
    """
    # Settings introduced after a run had their default value in it.
    defaults = _flatten(config.Config(stage="", objective="").to_dict())
    # Older runs did not store a digest of their digits.
    defaults["digits_digest"] = new.get("digits_digest")
    old = defaults | _flatten(with_current_names(old))
    new = defaults | _flatten(new)
    free, free_parts = FREE_SETTINGS, ()
    if new.get("stage") == "decoder":
        free_parts = FREE_OF_DECODER
    is_mixed = new.get("data.layout") == "mixed"
    free += WITHOUT_EFFECT_IN_MIXED if is_mixed else WITHOUT_EFFECT_ELSEWHERE
    differing = [
        DIGEST_MESSAGES.get(key, "")
        + f"{_name(key)} was {old.get(key)!r}, is now {new.get(key)!r}"
        for key in sorted(old.keys() | new.keys())
        if not (key in free or key.startswith(free_parts) or _is_same(key, old, new))
    ]
    if differing:
        raise UserError(
            f"{path} belongs to another experiment; use another --workdir. "
            f"Received: {'; '.join(differing)}"
        )


def _name(key: str) -> str:
    """A setting's flag, where it is one of a training's."""
    settings = _flatten(config.Config(stage="", objective="").to_dict())
    return config_check.flag_of(key) if key in settings else key


def _is_same(key: str, old: dict, new: dict) -> bool:
    """Whether two values are equal or name the same file, by digest or full path."""
    before, now = old.get(key), new.get(key)
    if before == now or key not in DIGEST_OF_PATH:
        return before == now
    if not (isinstance(before, str) and isinstance(now, str)):
        return False
    digest = old.get(DIGEST_OF_PATH[key])
    if digest and digest == new.get(DIGEST_OF_PATH[key]):
        return True
    return os.path.abspath(before) == os.path.abspath(now)


def read_settings(path) -> dict:
    """Reads a `config.json`, renaming settings that have older names.

    Raises:
        UserError: if it is missing or is not JSON.
    """
    try:
        settings = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise ValueError(f"a {type(settings).__name__}")
        return with_current_names(settings)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} must be the settings of a training run. Received: {error}"
        ) from error


def with_current_names(settings: dict) -> dict:
    """Nested settings, those with older names under today's, without those gone."""
    renamed = {CURRENT_NAMES.get(key, key): settings[key] for key in settings}
    current = {
        key: with_current_names(value) if isinstance(value, dict) else value
        for key, value in renamed.items()
        if not (key in GONE and value == GONE[key])
    }
    if current.get("degraded") is False:  # what a share of 0 says today
        del current["degraded"]
        current["degradation_share"] = 0.0
    return current


def _flatten(settings: dict, prefix: str = "") -> dict:
    flat = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def check_nothing_lost(stage_dir, checkpoint_every_steps) -> None:
    """Raises if a stage without checkpoint must have had one.

    A history is written just before each checkpoint, so a run killed within its
    first save leaves one without the other.

    Args:
        stage_dir: the stage's folder.
        checkpoint_every_steps: of the run that wrote the history, as its settings say.

    Raises:
        UserError: if the history is longer: no silent start from zero.
    """
    rows = read_history(stage_dir)
    if not rows:
        return
    reached = rows[-1]["step"]
    if type(checkpoint_every_steps) is not int or reached > checkpoint_every_steps:
        raise UserError(
            f"{stage_dir} must hold the checkpoints of its history; delete it "
            f"to start over. Received: a history of {reached} steps, no "
            "checkpoint"
        )
    logging.warning(
        "%s holds a history of %d steps but no checkpoint: starting over",
        stage_dir,
        reached,
    )
