"""Files appear whole or not at all."""

import json
import os

import pytest

from mnist_sum_tf.atomic_files import check_writable, write_atomically


def test_write_atomically_leaves_nothing_beside(tmp_path):
    write_atomically(tmp_path / "a.json", json.dumps([1]))
    write_atomically(tmp_path / "a.json", json.dumps([2]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert json.loads((tmp_path / "a.json").read_text()) == [2]


def test_a_failed_rename_leaves_nothing(tmp_path, monkeypatch):
    def fail(*paths):
        raise OSError("renaming failed")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="renaming failed"):
        write_atomically(tmp_path / "a.json", "text")
    assert not list(tmp_path.iterdir())


def test_content_is_on_the_disk_before_the_file_has_its_name(tmp_path, monkeypatch):
    calls = []

    def note(name):
        original = getattr(os, name)

        def noted(*arguments):
            calls.append(name)
            return original(*arguments)

        monkeypatch.setattr(os, name, noted)

    note("fsync")
    note("replace")
    write_atomically(tmp_path / "a.json", "text")
    assert calls == ["fsync", "replace"]


def test_bytes_stay_bytes_and_text_becomes_utf8(tmp_path):
    write_atomically(tmp_path / "a.png", b"\x89\r\n\x00")
    write_atomically(tmp_path / "a.txt", "±15°\n")
    assert (tmp_path / "a.png").read_bytes() == b"\x89\r\n\x00"
    assert (tmp_path / "a.txt").read_bytes() == b"\xc2\xb115\xc2\xb0\n"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_replaced(tmp_path, make):
    make(tmp_path / "there")
    (tmp_path / "link").symlink_to("there")
    before = os.stat(tmp_path / "there")
    for name in ("there", "link"):
        with pytest.raises(OSError, match="it exists but is not a file"):
            write_atomically(tmp_path / name, "text")
    assert os.stat(tmp_path / "there") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "there"]


def test_a_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a.json").symlink_to("elsewhere/b.json")
    for text in ("first", "second"):  # at first there is no target
        write_atomically(tmp_path / "a.json", text)
        assert (tmp_path / "elsewhere" / "b.json").read_text() == text
    assert (tmp_path / "a.json").is_symlink()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["b.json"]


def test_checking_a_folder_makes_nothing(tmp_path):
    check_writable(tmp_path)
    check_writable(tmp_path / "new" / "below")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "file/below", "link"):
        with pytest.raises(OSError):
            check_writable(tmp_path / name)
