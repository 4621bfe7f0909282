"""What `query_server.py` prints, with a server that does as it is told."""

import json
import pathlib
import runpy
import sys
from unittest import mock

import PIL.Image
import pytest
from absl import flags
from fake_transports import Clock, FakeTransport

from mnist_sum_tf.serving import client as clients
from mnist_sum_tf.serving import errors
from mnist_sum_tf.serving.version_status import VersionStatus
from mnist_sum_tf.user_errors import UserError

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "scripts"


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the script's `main`, and returns its status, output and errors."""
    monkeypatch.syspath_prepend(SCRIPTS)
    for name, value in list(vars(flags.FLAGS).items()):
        if isinstance(value, dict):
            monkeypatch.setitem(vars(flags.FLAGS), name, {})
    Clock().put_in(clients, monkeypatch)

    def run(transport, *arguments):
        monkeypatch.setattr(clients, "RestTransport", lambda *_: transport)
        main = runpy.run_path(str(SCRIPTS / "query_server.py"))["main"]
        status = main(flags.FLAGS(["query_server.py", *map(str, arguments)]))
        return status, *capsys.readouterr()

    yield run
    sys.modules.pop("cli", None)


@pytest.fixture
def paths(tmp_path):
    """Files of two requests, one of which is empty, and one that is missing."""
    found = [tmp_path / f"{number:02}.png" for number in range(40)]
    for path in found:
        PIL.Image.new("L", (42, 10)).save(path)
    found[3].write_bytes(b"")
    return [tmp_path / "missing.png", *found]


class Failing(FakeTransport):
    """Answers one request."""

    def predict(self, signature, inputs, timeout):
        if self.timeouts:
            raise errors.DeadlineExceeded("http://fake: late")
        return super().predict(signature, inputs, timeout)


def test_a_late_failure_loses_nothing(run, paths):
    status, printed, told = run(Failing(), *paths)
    assert status == 1
    names = [line.split()[0] for line in printed.splitlines()]
    assert names == [str(path) for path in paths[1:33] if path.stem != "03"]
    missing, empty, late = [
        line for line in told.splitlines() if line.startswith("error: ")
    ]
    assert missing.startswith(f"error: {paths[0]}: there is no such")
    assert empty.startswith(f"error: {paths[4]}: ")
    assert late == "error: http://fake: late"


def test_nor_does_it_as_json(run, paths):
    status, printed, _ = run(Failing(), *paths, "--json")
    assert status == 1
    readings = json.loads(printed)
    assert readings[0] == {
        "path": str(paths[1]),
        "digits": [0] * 4,
        "sum": 7,
        "probability": 1.0,
    }
    assert len(readings) == 31


def test_whoever_waits_is_told_why_once(run, paths):
    busy = errors.ServerBusy("http://fake: too much\nto do")
    transport = FakeTransport(*[busy] * 5)
    answer = transport.predict

    def predict(*arguments):
        if len(transport.timeouts) == 6:  # The second request waits, too.
            transport.failures = [busy] * 5
        return answer(*arguments)

    transport.predict = predict
    status, printed, told = run(transport, *paths[1:4], *paths[5:])
    assert (status, len(printed.splitlines())) == (0, 39)
    assert len(transport.timeouts) == 12
    assert told.count("waiting for the server: ") == 1
    assert "waiting for the server: http://fake: too much\\nto do\n" in told


def test_status_of_signatures_without_inputs(run):
    transport = FakeTransport(versions={7: VersionStatus("AVAILABLE")})
    transport.signatures = lambda timeout: {
        "version": {"inputs": {}, "outputs": {"number": {}, "name": {}}}
    }
    assert run(transport, "--status") == (
        0,
        "version 7   AVAILABLE\nversion   nothing -> name, number\n",
        "",
    )


def test_status_of_a_version_that_did_not_load(run):
    transport = FakeTransport(
        versions={8: VersionStatus("END", "no file\tthere\nat all")}
    )
    transport.signatures = mock.Mock(side_effect=errors.ModelNotFound("none"))
    assert run(transport, "--status") == (1, "version 8   END (no file\\tthere)\n", "")
    assert transport.is_closed


@pytest.mark.parametrize("flag", ["--timeout_seconds", "--load_seconds"])
@pytest.mark.parametrize("value", ["nan", "inf", "1e10", "86400.5"])
def test_more_than_a_day_is_refused(run, flag, value):
    with pytest.raises(UserError) as raised:
        run(FakeTransport(), "a.png", f"{flag}={value}")
    assert str(raised.value) == (
        f"{flag} must be a number of seconds up to 86400. Received: {float(value)}"
    )


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_a_token_file_with_nothing_in_it(run, tmp_path, content):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        run(FakeTransport(), "a.png", f"--token_file={path}")
    assert str(raised.value) == (
        f"--token_file must be a file with a token. Received: {path} (it is empty)"
    )


def test_a_token_file_that_is_not_there(run, tmp_path):
    path = tmp_path / "token"
    with pytest.raises(UserError) as raised:
        run(FakeTransport(), "a.png", f"--token_file={path}")
    assert str(raised.value).startswith(
        f"--token_file must be a file with a token. Received: {path} ([Errno 2] "
    )


def test_status_has_no_use_for_flags_of_images(run):
    with pytest.raises(
        UserError, match="Received: --status --signature --load_seconds$"
    ):
        run(Failing(), "--status", "--load_seconds=5", "--signature=serving_default")
