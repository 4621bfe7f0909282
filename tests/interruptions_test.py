"""Signals: the first is noted, the second kills; how a stopped script ends."""

import pathlib
import signal
import subprocess
import sys

import pytest

from mnist_sum_tf.training import interruptions

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "scripts"


@pytest.mark.parametrize("first", interruptions.SIGNALS)
def test_after_a_signal_either_one_kills(first, capfd):
    before = [signal.getsignal(number) for number in interruptions.SIGNALS]
    with interruptions.StopRequest() as stop:
        assert stop.signal_name is None
        signal.raise_signal(first)
        assert stop.signal_name == first.name
        for number in interruptions.SIGNALS:
            assert signal.getsignal(number) is signal.SIG_DFL
    told = "\nstopping as soon as all is saved; a second signal ends it at once\n"
    assert capfd.readouterr().err == told
    after = [signal.getsignal(number) for number in interruptions.SIGNALS]
    assert after == before


@pytest.fixture
def ignored(request):
    """A signal that is ignored, as a shell ignores SIGINT for what runs beside it."""
    before = signal.signal(request.param, signal.SIG_IGN)
    yield request.param
    signal.signal(request.param, before)


@pytest.mark.parametrize("ignored", interruptions.SIGNALS, indirect=True)
def test_a_signal_that_is_ignored_stays_so(ignored):
    with interruptions.StopRequest() as stop:
        signal.raise_signal(ignored)
        assert stop.signal_name is None
        assert signal.getsignal(ignored) == signal.SIG_IGN
    assert signal.getsignal(ignored) == signal.SIG_IGN


@pytest.mark.parametrize("ignored", [signal.SIGINT], indirect=True)
def test_so_does_ctrl_c_while_machines_wait(ignored):
    with interruptions.default_interrupt():
        assert signal.getsignal(ignored) == signal.SIG_IGN
    assert signal.getsignal(ignored) == signal.SIG_IGN


def test_ctrl_c_kills_only_while_machines_wait():
    before = signal.getsignal(signal.SIGINT)
    assert before != signal.SIG_DFL
    with interruptions.default_interrupt():
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before


def test_a_stopped_script_says_so_and_exits_with_75():
    program = (
        "import cli\n"
        "def main(argv):\n"
        "    from mnist_sum_tf.training.interruptions import TrainingStopped\n"
        "    raise TrainingStopped('stopped by SIGTERM after step 5 of 8')\n"
        "cli.run(main)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 75
    assert ended.stderr == "stopped by SIGTERM after step 5 of 8\n"
    assert ended.stdout == ""
