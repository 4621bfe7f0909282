"""How scripts end: what is refused in one line, and who reads no longer."""

import io
import os
import pathlib
import signal
import sys
import time
from unittest import mock

import pytest
from absl import flags

from mnist_sum_tf.user_errors import UserError

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "scripts"


@pytest.fixture
def cli(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import cli

    monkeypatch.setattr("sys.argv", ["script.py"])
    return cli


def test_a_flag_given_nothing_is_not_taken_for_none(cli, monkeypatch):
    """As in `--model=$UNSET`."""
    values = flags.FlagValues()
    flags.DEFINE_string("model", "", "", flag_values=values)
    flags.DEFINE_integer("seed", 0, "", flag_values=values)
    flags.DEFINE_list("sections", [], "", flag_values=values)
    monkeypatch.setattr(cli.flags, "FLAGS", values)
    for arguments in ([], ["--seed=0"], ["--model=x"]):
        values.unparse_flags()
        values(["script.py", *arguments])
        cli.check_not_empty()
    for name in ("model", "sections"):
        values.unparse_flags()
        values(["script.py", f"--{name}="])
        with pytest.raises(
            UserError, match=f"--{name} must have a value. Received: no"
        ):
            cli.check_not_empty()


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("--sed=0", "Unknown command line flag 'sed'. Did you mean: seed ?"),
        ("--seed=-1", "flag --seed=-1: "),
        ("--seed=many", "flag --seed=many: "),
    ],
)
def test_wrong_flags_are_reported_in_one_line(cli, monkeypatch, argument, reason):
    values = flags.FlagValues()
    flags.DEFINE_integer("seed", 0, "", lower_bound=0, flag_values=values)
    monkeypatch.setattr(cli.flags, "FLAGS", values)
    assert cli._parse_flags(["script.py", "--seed=3"]) == ["script.py"]
    with pytest.raises(SystemExit) as caught:
        cli._parse_flags(["script.py", argument])
    expected = f"error: Flags must be as --help says. Received: {reason}"
    assert caught.value.code.startswith(expected) and "\n" not in caught.value.code


def test_a_flag_that_must_be_given_is_named(cli, monkeypatch):
    values = flags.FlagValues()
    flags.DEFINE_string("workdir", None, "", flag_values=values, required=True)
    monkeypatch.setattr(cli.flags, "FLAGS", values)
    with pytest.raises(SystemExit) as caught:
        cli._parse_flags(["script.py", "W"])
    assert caught.value.code == "error: --workdir must be given. Received: nothing"


def test_a_value_beside_its_flag_is_not_lost(cli):
    cli.check_no_files([])
    with pytest.raises(UserError, match=r"only flags.* Received: tiled mixed$"):
        cli.check_no_files(["tiled", "mixed"])


def test_a_reader_that_has_enough_is_no_error(cli, monkeypatch):
    monkeypatch.setattr(cli.app, "run", mock.Mock(side_effect=BrokenPipeError))
    pointed = []
    monkeypatch.setattr("os.dup2", lambda *descriptors: pointed.append(descriptors))
    monkeypatch.setattr("sys.stdout", mock.Mock(fileno=lambda: 1))
    with pytest.raises(SystemExit) as ended:
        cli.run(None)
    assert ended.value.code == 1
    ((_, standard_output),) = pointed
    assert standard_output == 1


def test_a_person_who_has_enough_is_told_in_one_line(cli, monkeypatch, capsys):
    monkeypatch.setattr(cli.app, "run", mock.Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(SystemExit) as ended:
        cli.run(None)
    assert ended.value.code == 130
    assert capsys.readouterr().err == "stopped by Ctrl-C\n"


def test_what_an_interrupt_became_is_told_as_one(cli, monkeypatch, capsys):
    """On its way through C++ it becomes another error."""

    def run(main, **_):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            raise RuntimeError("in C++") from None

    monkeypatch.setattr(cli.app, "run", run)
    with pytest.raises(SystemExit) as ended:
        cli.run(None)
    assert ended.value.code == 130
    assert capsys.readouterr().err == "stopped by Ctrl-C\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_without_an_interrupt_is_raised(cli, monkeypatch):
    monkeypatch.setattr(cli.app, "run", mock.Mock(side_effect=RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="^a bug$"):
        cli.run(None)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is none")
@pytest.mark.parametrize("flush", [False, True])
def test_a_full_disk_below_standard_output_is_reported(cli, monkeypatch, capsys, flush):
    """Found while there is printed, or at the end."""
    monkeypatch.setattr(cli.app, "run", lambda main, **_: print("read", flush=flush))
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(SystemExit) as ended:
            cli.run(None)
        assert os.path.samefile(full.fileno(), os.devnull)
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "error: standard output must be a file that can be written. "
        "Received: No space left on device\n"
    )


def test_errors_of_other_files_are_not_taken_for_that(cli, monkeypatch):
    failed = mock.Mock(side_effect=FileNotFoundError("a mistake of ours"))
    monkeypatch.setattr(cli.app, "run", failed)
    with pytest.raises(FileNotFoundError, match="a mistake of ours"):
        cli.run(None)


def test_closed_standard_error_gives_no_errors_among_the_results(
    cli, monkeypatch, capsys
):
    monkeypatch.setattr("sys.stderr", None)
    monkeypatch.setattr(
        cli.app, "run", lambda main, **_: print("error: bad", file=sys.stderr)
    )
    cli.run(None)
    sys.stderr.close()
    assert capsys.readouterr().out == ""


def test_a_name_with_a_line_break_leaves_an_error_one_line(cli, monkeypatch):
    told = io.StringIO()
    monkeypatch.setattr("sys.stderr", told)
    refuse = mock.Mock(side_effect=UserError("--model must be. Received: a\nb\x1b[2J"))
    with pytest.raises(SystemExit) as ended:
        cli._run_and_report(refuse, ["script.py"], False)
    assert ended.value.code == 1
    assert told.getvalue() == "error: --model must be. Received: a\\nb\\x1b[2J\n"
