"""Progress in logs is told in whole lines, and only of what takes long."""

import io
import sys

from mnist_sum_tf import progress


def test_a_log_has_whole_lines(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(progress, "LOG_SECONDS", 0)
    for _ in progress.progress_bar(range(4), "reading", unit="image"):
        pass
    lines = log.getvalue().splitlines()
    assert lines[0].startswith("reading:   0%") and "4/4" in lines[-1]
    assert "\r" not in log.getvalue() and all(lines)


def test_short_work_is_not_told_in_a_log(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    assert list(progress.progress_bar(range(4))) == [0, 1, 2, 3]
    assert log.getvalue() == ""


def test_a_terminal_has_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    list(progress.progress_bar(range(4), file=terminal))
    assert "\r100%" in terminal.getvalue()


def test_nothing_is_told_without_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(progress, "LOG_SECONDS", 0)
    assert list(progress.progress_bar(range(2))) == [0, 1]
