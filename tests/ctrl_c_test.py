"""Ctrl-C ends a program wherever it comes, and lets it clean up."""

import os
import pathlib
import signal
import sys
import time

import pytest

SCRIPTS = pathlib.Path(__file__).parents[1] / "scripts"


@pytest.fixture
def interrupts(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import ctrl_c

    monkeypatch.setattr(ctrl_c, "PAUSE_SECONDS", 0.05)
    with ctrl_c.Interrupts() as found:
        yield found


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)


class InterruptedWhenDeleted:
    def __del__(self):
        interrupt()


def test_one_that_is_lost_in_a_destructor_comes_again(interrupts, monkeypatch):
    lost = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda found: lost.append(found.exc_type)
    )
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _ = InterruptedWhenDeleted()
        del _
        time.sleep(60)
    assert lost == [KeyboardInterrupt]
    assert time.monotonic() - start < 30
    assert interrupts.has_come


def test_one_that_is_swallowed_comes_again(interrupts):
    with pytest.raises(KeyboardInterrupt):
        try:
            interrupt()
        except KeyboardInterrupt:
            pass
        time.sleep(60)


def test_what_cleans_up_is_not_interrupted(interrupts):
    cleaned = []

    def clean():
        time.sleep(0.3)
        try:
            raise ValueError
        except ValueError:
            time.sleep(0.3)
        cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        try:
            interrupt()
        finally:
            clean()
    assert cleaned == [True]


def test_it_stays_ignored(interrupts):
    interrupts.__exit__()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with type(interrupts)():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_afterwards_all_is_as_before(interrupts):
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    interrupts.__exit__()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
