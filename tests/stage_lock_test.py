"""One process at a time learns in a folder."""

import pytest

from mnist_sum_tf.training import stage_lock
from mnist_sum_tf.user_errors import UserError


def test_a_second_run_is_refused_and_removes_nothing(tmp_path):
    with stage_lock.locked_directory(tmp_path / "W"):
        with pytest.raises(UserError, match="one process at a time"):
            with stage_lock.locked_directory(tmp_path / "W"):
                pass
        assert (tmp_path / "W" / stage_lock.LOCK_FILE).exists()
    assert not (tmp_path / "W").exists()


def test_a_lock_that_was_removed_meanwhile_is_taken_anew(tmp_path, monkeypatch):
    path, flock = tmp_path / "W" / stage_lock.LOCK_FILE, stage_lock.fcntl.flock
    removed = []

    def flock_late(file, how):
        if not removed:
            removed.append(path.unlink())
        return flock(file, how)

    monkeypatch.setattr(stage_lock.fcntl, "flock", flock_late)
    with stage_lock.lock_directory(path.parent) as file:
        assert removed and stage_lock._is_at(path, file)
        assert path.read_text().startswith("process ")


@pytest.mark.parametrize(
    "text, holder",
    [
        ("process 7", "process 7"),
        ("", "another"),
        (None, "another, which has ended since"),
    ],
)
def test_who_holds_the_lock_may_end_at_any_time(tmp_path, monkeypatch, text, holder):
    def refuse(file, how):
        path = tmp_path / stage_lock.LOCK_FILE
        path.unlink() if text is None else path.write_text(text)
        raise BlockingIOError

    monkeypatch.setattr(stage_lock.fcntl, "flock", refuse)
    with pytest.raises(UserError, match=f"a second one, beside {holder}$"):
        stage_lock.lock_directory(tmp_path)
