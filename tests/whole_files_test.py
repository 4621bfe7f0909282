"""Files appear whole or not at all."""

import json

from mnist_sum_tf.whole_files import write_once, write_whole


def test_write_whole_leaves_nothing_beside(tmp_path):
    write_whole(tmp_path / "a.json", json.dumps([1]))
    write_whole(tmp_path / "a.json", json.dumps([2]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert json.loads((tmp_path / "a.json").read_text()) == [2]


def test_write_once_manages_without_links(tmp_path, monkeypatch):
    def refuse(*paths):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    for text in ("first", "second"):
        write_once(tmp_path / "a.json", text)
        assert (tmp_path / "a.json").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_write_once_never_replaces(tmp_path):
    for text in ("first", "second"):
        write_once(tmp_path / "a.json", text)
        assert (tmp_path / "a.json").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_bytes_stay_bytes_and_text_becomes_utf8(tmp_path):
    write_whole(tmp_path / "a.png", b"\x89\r\n\x00")
    write_whole(tmp_path / "a.txt", "±15°\n")
    assert (tmp_path / "a.png").read_bytes() == b"\x89\r\n\x00"
    assert (tmp_path / "a.txt").read_bytes() == b"\xc2\xb115\xc2\xb0\n"
