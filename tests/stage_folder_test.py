"""Which settings a run may go on with."""

import dataclasses
import json

import pytest
import small_runs

from mnist_sum_tf import config
from mnist_sum_tf.training import loop, stage_folder, stage_lock
from mnist_sum_tf.user_errors import UserError

SETTINGS = config.Config(stage="sum_model", objective="distribution")


def test_a_setting_younger_than_the_run_had_its_default():
    old = SETTINGS.to_dict()
    del old["decorrelation"], old["model"]["dropout_rate"]
    stage_folder.check_same("config.json", old, SETTINGS.to_dict())
    changed = dataclasses.replace(SETTINGS, decorrelation=10.0)
    with pytest.raises(
        UserError, match=r"Received: --decorrelation was 0\.0, is now 10\.0$"
    ):
        stage_folder.check_same("config.json", old, changed.to_dict())


def test_another_experiment_is_named():
    other = dataclasses.replace(SETTINGS, seed=3, total_steps=7)
    with pytest.raises(UserError, match="Received: --seed was 0, is now 3$"):
        stage_folder.check_same("c", SETTINGS.to_dict(), other.to_dict())


def test_a_setting_without_a_flag_is_named_as_in_the_file():
    optimizer = dataclasses.replace(SETTINGS.optimizer, schedule="constant")
    other = dataclasses.replace(SETTINGS, optimizer=optimizer)
    expected = "Received: optimizer.schedule was 'cosine', is now 'constant'$"
    with pytest.raises(UserError, match=expected):
        stage_folder.check_same("c", SETTINGS.to_dict(), other.to_dict())


def test_how_long_and_where_a_run_goes_on_may_differ():
    others = {
        "preset": "original",
        "total_steps": 7,
        "precision": "float32",
        "strategy": "mirrored",
        "checkpoint_every_steps": 7,
        "evaluate_every_steps": 7,
        "log_every_steps": 7,
        "skip_non_finite": 7,
        "stop_at_accuracy": 0.5,
        "deterministic": True,
    }
    old = SETTINGS.to_dict()
    assert all(old[name] != value for name, value in others.items())
    new = old | others | {"data": old["data"] | {"tfds_data_dir": "there"}}
    stage_folder.check_same("c", old, new)


@pytest.mark.parametrize(
    "layout, without_effect, with_effect",
    [
        ("mixed", "deformed", "degradation_share"),
        ("tiled", "degradation_share", "deformed"),
    ],
)
def test_settings_without_effect_may_differ(layout, without_effect, with_effect):
    def flipped(name):
        data = dataclasses.replace(SETTINGS.data, layout=layout)
        other = {"deformed": not data.deformed, "degradation_share": 0.25}[name]
        data = dataclasses.replace(data, **{name: other})
        return dataclasses.replace(SETTINGS, data=data).to_dict()

    plain = dataclasses.replace(SETTINGS.data, layout=layout)
    now = dataclasses.replace(SETTINGS, data=plain).to_dict()
    stage_folder.check_same("config.json", flipped(without_effect), now)
    with pytest.raises(UserError, match=f"--{with_effect} "):
        stage_folder.check_same("config.json", flipped(with_effect), now)


def test_older_names_of_settings_are_those_of_today(tmp_path):
    settings = SETTINGS.to_dict()
    names = {new: old for old, new in stage_folder.CURRENT_NAMES.items()}
    older = settings | {
        "data": {
            names.get(name, name): settings["data"][name] for name in settings["data"]
        }
    }
    assert {"bent", "bend_strength", "wear_share"} < older["data"].keys()
    (tmp_path / "config.json").write_text(json.dumps(older))
    assert stage_folder.read_settings(tmp_path / "config.json") == settings
    stage_folder.check_goes_on(tmp_path, settings)
    stage_folder.check_same("ckpt-5", older, settings)  # as each checkpoint keeps them
    changed = older | {"data": older["data"] | {"bent": True, "layout": "tiled"}}
    now = settings | {"data": settings["data"] | {"layout": "tiled"}}
    with pytest.raises(UserError, match="--deformed was True, is now False"):
        stage_folder.check_same("ckpt-5", changed, now)


@pytest.mark.parametrize("name", ["worn", "degraded"])
def test_older_runs_said_in_two_settings_how_much_is_degraded(name):
    data = SETTINGS.to_dict()["data"]
    for was_degraded, share in ((True, 0.5), (False, 0.0)):
        older = data | {name: was_degraded, "degradation_share": 0.5}
        now = data | {"degradation_share": share}
        assert stage_folder.with_current_names({"data": older}) == {"data": now}


def test_older_names_of_a_distillation():
    older = {"lesson": {"wear_share": 0.5, "seed": 3}, "num_writings": 64}
    now = {"student": {"degradation_share": 0.5, "seed": 3}, "num_labelled_images": 64}
    assert stage_folder.with_current_names(older) == now
    stage_folder.check_same("config.json", older, now)


def test_a_decoder_goes_on_whatever_the_digits():
    decoder = config.Config(stage="decoder", objective="expected_sum")
    other = dataclasses.replace(
        decoder,
        model=config.ModelConfig(base_channels=64),
        data=config.DataConfig(layout="tiled", digits="mine.npz"),
    )
    stage_folder.check_same("c", decoder.to_dict(), other.to_dict())
    faster = dataclasses.replace(
        decoder, optimizer=config.OptimizerConfig(learning_rate=0.5)
    )
    with pytest.raises(
        UserError, match=r"Received: --learning_rate was 0.001, is now 0.5$"
    ):
        stage_folder.check_same("c", decoder.to_dict(), faster.to_dict())
    with pytest.raises(UserError, match="--digits .*; --layout "):
        stage_folder.check_same(
            "c",
            SETTINGS.to_dict(),
            dataclasses.replace(SETTINGS, data=other.data).to_dict(),
        )


def with_paths(digest="a", teacher=None, initial_model=None, **data) -> dict:
    settings = dataclasses.replace(
        SETTINGS,
        data=config.DataConfig(**data),
        teacher=teacher,
        initial_model=initial_model,
    )
    return settings.to_dict() | {"data_digest": digest, "teacher_digest": "t"}


def test_a_file_may_be_spelled_another_way():
    names = {"digits": "d.npz", "images": "mine", "sums": "s.csv"}
    others = {"digits": "./d.npz", "images": "mine/", "sums": "a/../s.csv"}
    old = with_paths("", teacher="t.npz", initial_model="m", **names)
    new = with_paths("", teacher=".//t.npz", initial_model="m/", **others)
    stage_folder.check_same("c", old, new)


def test_files_may_have_moved_where_their_content_is_known(tmp_path):
    old = with_paths(images="mine", sums="s.npy", teacher="t.npz")
    new = with_paths(images="moved", sums="moved.npy", teacher="u.npz")
    stage_folder.claim_directory(tmp_path, old)
    unread = {name: value for name, value in new.items() if "_digest" not in name}
    stage_folder.check_goes_on(tmp_path, unread)
    stage_folder.claim_directory(tmp_path, new)
    assert stage_folder.read_settings(tmp_path / "config.json") == new


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            with_paths(images="x"),
            with_paths("b", images="y"),
            "--images was 'x', is now 'y'; .*data_digest was 'a', is now 'b'$",
        ),
        # None was kept.
        (
            with_paths("", images="x"),
            with_paths("", images="y"),
            "was 'x', is now 'y'$",
        ),
        (with_paths(), with_paths(sums="y"), "--sums was None, is now 'y'$"),
        (
            with_paths(initial_model="x"),
            with_paths(initial_model="y"),
            "initial_model was 'x', is now 'y'$",
        ),
        (
            with_paths(teacher="x"),
            with_paths(teacher="y") | {"teacher_digest": "u"},
            "teacher was 'x', is now 'y'; .*teacher_digest was 't', is now 'u'$",
        ),
    ],
)
def test_other_files_are_reported(old, new, message):
    with pytest.raises(UserError, match=message):
        stage_folder.check_same("c", old, new)


def test_what_may_change_is_kept_as_it_is_now(tmp_path):
    for steps in (5, 7):
        settings = dataclasses.replace(SETTINGS, total_steps=steps).to_dict()
        stage_folder.claim_directory(tmp_path, settings)
        assert stage_folder.read_settings(tmp_path / "config.json") == settings


def test_a_number_that_is_refused_claims_no_folder(tmp_path):
    """So that the corrected command may have the same one."""

    def refuse(dtype):
        raise UserError("--base_channels must be fewer. Received: many")

    task = dataclasses.replace(small_runs.make_task(), build_model=refuse)
    stage_dir = tmp_path / "encoder"
    with pytest.raises(UserError, match="--base_channels"):
        loop.train_and_evaluate(lambda: task, small_runs.SETTINGS, stage_dir)
    assert not stage_dir.exists() and not stage_lock.is_begun(stage_dir)
    (tmp_path / "empty").mkdir()
    assert not stage_lock.is_begun(tmp_path / "empty")
    stage_folder.check_goes_on(stage_dir, SETTINGS.to_dict())
    loop.train_and_evaluate(small_runs.make_task, small_runs.SETTINGS, stage_dir)
    assert stage_lock.is_begun(stage_dir)
    with pytest.raises(UserError, match="must be a folder.*Received: .*file"):
        (tmp_path / "file").touch()
        stage_lock.is_begun(tmp_path / "file")


def test_settings_that_are_refused_are_so_before_the_data_are_read(tmp_path):
    wrong = dataclasses.replace(
        config.Config(stage="decoder", objective="expected_sum"),
        optimizer=config.OptimizerConfig(weight_decay=float("nan")),
    )
    with pytest.raises(UserError, match="--weight_decay .* Received: nan$"):
        loop.train_and_evaluate(None, wrong, tmp_path / "decoder")
    assert not list(tmp_path.iterdir())


def test_runs_that_kept_less_of_what_they_learned_from_go_on():
    now = SETTINGS.to_dict() | {"data_digest": "a", "digits_digest": "b"}
    before = SETTINGS.to_dict() | {"data_digest": "a"}
    stage_folder.check_same("c", before, now)
    for old in (now | {"digits_digest": "c"}, before | {"data_digest": "c"}):
        with pytest.raises(
            UserError, match="labels have changed: .*_digest was 'c', is now '[ab]'"
        ):
            stage_folder.check_same("c", old, now)


def test_a_folder_older_than_a_setting_goes_on(tmp_path):
    fewer = dataclasses.replace(small_runs.SETTINGS, total_steps=4)
    loop.train_and_evaluate(small_runs.make_task, fewer, tmp_path)
    path = tmp_path / "config.json"
    settings = json.loads(path.read_text())
    for name in (
        "augmented",
        "deformation_strength",
        "degradation_share",
        "mixup_share",
    ):
        del settings["data"][name]
    for name in ("block_channels", "dropout_rate"):
        del settings["model"][name]
    path.write_text(json.dumps(settings))
    row = loop.train_and_evaluate(small_runs.make_task, small_runs.SETTINGS, tmp_path)
    assert row["step"] == 8


def test_a_refused_run_leaves_no_new_folder(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError):
        with stage_lock.locked_directory(tmp_path / "there" / "W" / "encoder"):
            raise UserError("refused")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_folder_that_was_there_stays(tmp_path):
    with stage_lock.locked_directory(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [stage_lock.LOCK_FILE]


def test_a_run_that_has_begun_stays(tmp_path):
    with pytest.raises(UserError):
        with stage_lock.locked_directory(tmp_path / "W" / "encoder"):
            stage_folder.claim_directory(tmp_path / "W" / "encoder", {})
            raise UserError("stopped")
    names = {path.name for path in (tmp_path / "W" / "encoder").iterdir()}
    assert names == {stage_folder.CONFIG_FILE, stage_lock.LOCK_FILE}
