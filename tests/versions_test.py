"""Numbers of exported versions: the next one, those kept, those of others."""

import os
import pathlib
import signal
from unittest import mock

import pytest

from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.runtimes.saved_model import version_folders
from mnist_sum_tf.serving import export
from mnist_sum_tf.user_errors import UserError


@pytest.fixture(scope="module")
def sum_model():
    return build_sum_model(build_encoder(base_channels=2), build_decoder())


@pytest.fixture
def drafts(monkeypatch):
    """The hidden folders that versions without content were written to."""
    folders = []

    def write_something(model, path):
        folders.append(pathlib.Path(path).parent)
        os.makedirs(path)
        pathlib.Path(path, "saved_model.pb").touch()

    monkeypatch.setattr(export, "write_saved_model", write_something)
    monkeypatch.setattr(export, "verify_saved_model", lambda model, path: None)
    return folders


def names_of_versions(folder) -> list[str]:
    return [version.name for version in version_folders(folder)]


def test_versions_count_up(sum_model, drafts, tmp_path):
    for other in ("7", "x", "08x", ".9"):
        (tmp_path / "models" / other).mkdir(parents=True)
        (tmp_path / "models" / other / "file").touch()
    received = [export.export_model(sum_model, tmp_path / "models") for _ in range(3)]
    assert received == [str(tmp_path / "models" / v) for v in ("8", "9", "10")]
    assert names_of_versions(tmp_path / "models") == ["7", "8", "9", "10"]


def test_only_the_newest_versions_are_kept(sum_model, drafts, tmp_path):
    models = tmp_path / "models"
    for name in ("3", "0007", "10", "notes"):
        (models / name).mkdir(parents=True)
        (models / name / "saved_model.pb").touch()
    (models / "9").mkdir()
    (models / "9" / "photo.jpg").touch()  # no version
    export.export_model(sum_model, models, keep_versions=3)
    assert names_of_versions(models) == ["0007", "9", "10", "11"]
    export.export_model(sum_model, models, keep_versions=1)
    assert sorted(os.listdir(models)) == ["12", "9", "notes"]
    assert os.listdir(tmp_path) == ["models"]
    with pytest.raises(UserError, match="at least 1: .* Received: 0"):
        export.export_model(sum_model, models, keep_versions=0)


def test_of_a_linked_version_the_link_is_removed(sum_model, drafts, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "saved_model.pb").touch()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "1").symlink_to(tmp_path / "elsewhere")
    export.export_model(sum_model, tmp_path / "models", keep_versions=1)
    assert names_of_versions(tmp_path / "models") == ["2"]
    assert (tmp_path / "elsewhere" / "saved_model.pb").exists()


def test_an_export_that_failed_beside_takes_nothing_away(
    sum_model, drafts, tmp_path, monkeypatch
):
    models = tmp_path / "models"
    monkeypatch.setattr(export, "write_warmup_requests", lambda draft: models.rmdir())
    assert export.export_model(sum_model, models) == str(models / "1")
    assert names_of_versions(models) == ["1"]


def test_a_number_that_another_export_took_meanwhile(
    sum_model, drafts, tmp_path, monkeypatch
):
    def versions_before(export_dir):
        found = version_folders(export_dir)
        if not found:
            (export_dir / "1").mkdir()
            (export_dir / "1" / "file").touch()
        return found

    monkeypatch.setattr(export, "version_folders", versions_before)
    path = export.export_model(sum_model, tmp_path / "models")
    assert path == str(tmp_path / "models" / "2")
    assert os.listdir(tmp_path / "models" / "1") == ["file"]


def test_a_version_that_cannot_be_removed_stays_whole(
    sum_model, drafts, tmp_path, monkeypatch
):
    rename, removed = os.rename, []

    def rename_no_older(source, target):
        if os.path.basename(source) == "1":
            removed.append(pathlib.Path(target).parent)
            raise OSError(13, "Permission denied")
        rename(source, target)

    (tmp_path / "models" / "1").mkdir(parents=True)
    (tmp_path / "models" / "1" / "saved_model.pb").touch()
    monkeypatch.setattr(export.os, "rename", rename_no_older)
    with pytest.raises(UserError, match="^The new version is written; .*denied"):
        export.export_model(sum_model, tmp_path / "models", keep_versions=1)
    assert names_of_versions(tmp_path / "models") == ["1", "2"]
    assert os.listdir(tmp_path) == ["models"]
    for folder in drafts + removed:
        assert folder.parent == tmp_path and folder.name.startswith(".models-")


@pytest.mark.parametrize(
    "device, can_write, is_above",
    [(1, True, True), (2, True, False), (1, False, False)],
)
def test_drafts_lie_where_they_need_not_be_copied(
    monkeypatch, device, can_write, is_above
):
    monkeypatch.setattr(export.os, "access", lambda path, mode: can_write)
    folder = mock.Mock()
    folder.stat.return_value.st_dev = 1
    folder.parent.stat.return_value.st_dev = device
    expected = folder.parent if is_above else folder
    assert export._folder_for_drafts(folder) is expected


def test_a_file_in_the_place_of_the_next_version(sum_model, drafts, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "1").write_text("no version")
    with pytest.raises(UserError, match="--export_dir must be .* Received: "):
        export.export_model(sum_model, tmp_path / "models")
    assert (tmp_path / "models" / "1").read_text() == "no version"
    assert os.listdir(tmp_path) == ["models"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize(
    "step", ["write_saved_model", "verify_saved_model", "write_warmup_requests"]
)
def test_an_interrupted_export_leaves_nothing(
    sum_model, drafts, tmp_path, monkeypatch, step, error
):
    def stop(*arguments, **named):
        if error is SystemExit:
            signal.raise_signal(signal.SIGTERM)  # raises it
        raise error()

    monkeypatch.setattr(export, step, stop)
    (tmp_path / "mine").mkdir()
    for export_dir in (tmp_path / "new" / "models", tmp_path / "mine"):
        with pytest.raises(error):
            export.export_model(sum_model, export_dir)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]
    assert not list((tmp_path / "mine").iterdir())
