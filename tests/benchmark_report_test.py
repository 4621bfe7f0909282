"""What the benchmark prints and writes, section by section."""

import json

import pytest
import tensorflow as tf

from mnist_sum_tf.benchmarks import run, settings, tables
from mnist_sum_tf.benchmarks.timing import Measurement
from mnist_sum_tf.runtimes.packages import PackageMissing
from mnist_sum_tf.user_errors import UserError

MEASUREMENTS = [
    Measurement("batches of 1", "ours", "ms", 0.5, 0.25, 12.25, 9, 2.0),
    Measurement("batches of 1", "theirs", "ms", 1234.5, 1000, 2000.4, 9, 1.0),
    Measurement("memory", "peak", "MiB", 97.31, 97.31, 97.31, 0),
]


def read_report(path):
    """The machine, and the sections' measurements."""
    report = json.loads(path.read_text())
    sections = {
        name: [Measurement(**each) for each in measurements]
        for name, measurements in report["sections"].items()
    }
    return report["machine"], sections


def test_a_table():
    assert tables.format_section("Title", MEASUREMENTS).splitlines() == [
        "Title",
        "              median    middle half  unit  ratio  rounds",
        "batches of 1",
        "  ours          0.50    0.25 – 12.2  ms     2.00       9",
        "  theirs       1,234  1,000 – 2,000  ms     1.00       9",
        "memory",
        "  peak          97.3                 MiB",
    ]


def test_a_report_comes_back(tmp_path):
    path = tmp_path / "made" / "speed.json"
    machine, sections = {"cores": 2}, {"inference": MEASUREMENTS, "none": []}
    tables.write_report(path, machine, sections)
    assert read_report(path) == (machine, sections)
    assert [each.name for each in path.parent.iterdir()] == ["speed.json"]


def test_a_report_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--output must be .*Received"):
        tables.write_report(tmp_path / "file" / "x.json", {}, {})
    with pytest.raises(UserError, match="--output must be .*Received"):
        tables.check_writable(tmp_path / "file" / "x.json")
    with pytest.raises(UserError, match="--output must be .*Received"):
        tables.write_report(".", {}, {})


def test_unknown_sections_are_named(tmp_path):
    with pytest.raises(UserError, match="pipeline, .*Received: x, y"):
        run.run(settings.quick(tmp_path), ["y", "memory", "x"])


def test_sections_run_in_order_and_are_kept(tmp_path, monkeypatch, capsys):
    def missing(_):
        raise PackageMissing("needs a package. Received: none")

    def refused(_):
        raise UserError("--model must be a model. Received: none")

    monkeypatch.setattr(
        run,
        "SECTIONS",
        {
            "a": ("First", lambda _: MEASUREMENTS[:1]),
            "b": ("Second", missing),
            "c": ("Third", lambda _: MEASUREMENTS[2:]),
        },
    )
    path = tmp_path / "speed.json"
    found = run.run(settings.quick(tmp_path), output=path)
    assert found == {"a": MEASUREMENTS[:1], "c": MEASUREMENTS[2:]}
    machine, sections = read_report(path)
    assert sections == found and machine["TensorFlow"] == tf.__version__
    printed = capsys.readouterr().out
    assert printed.index("First") < printed.index("Third")
    assert list(run.run(settings.quick(tmp_path), ["c"])) == ["c"]
    with pytest.raises(UserError, match="needs a package"):
        run.run(settings.quick(tmp_path), ["b"])
    assert list(run.run(settings.quick(tmp_path), ["c", "a"])) == ["a", "c"]
    monkeypatch.setitem(run.SECTIONS, "b", ("Second", refused))
    with pytest.raises(UserError, match="--model must be"):
        run.run(settings.quick(tmp_path))


def test_what_would_be_refused_late_is_refused_first(tmp_path, monkeypatch):
    def measured(_):
        raise AssertionError("measured before")

    sections = {"a": ("First", measured), "inference": ("Second", measured)}
    monkeypatch.setattr(run, "SECTIONS", sections)
    with pytest.raises(UserError, match="Received.*nothing_there"):
        run.run(settings.quick(tmp_path / "nothing_there"))
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--output must be .*Received"):
        run.run(settings.quick(tmp_path), ["a"], output=tmp_path / "file" / "x.json")


def test_processors_are_not_compared_with_gpus(tmp_path, monkeypatch, caplog):
    sections = {
        "twin": ("First", lambda _: MEASUREMENTS[:1]),
        "memory": ("Second", lambda _: MEASUREMENTS[2:]),
    }
    monkeypatch.setattr(run, "SECTIONS", sections)
    monkeypatch.setattr(run, "describe_machine", lambda: {"GPUs": 1})
    assert list(run.run(settings.quick(tmp_path))) == ["memory"]
    assert "twin is left out" in caplog.text
    with pytest.raises(UserError, match="CUDA_VISIBLE_DEVICES=-1.*Received: 1"):
        run.run(settings.quick(tmp_path), ["twin"])
    monkeypatch.setattr(run, "describe_machine", lambda: {"GPUs": 0})
    assert list(run.run(settings.quick(tmp_path), ["twin"])) == ["twin"]
