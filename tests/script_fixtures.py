"""Scripts' `main`, called as by their flags."""

import pathlib
import runpy
import sys
from unittest import mock

import pytest
from absl import flags

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "scripts"


DEFINE_FLAGS = ("training_flags", "image_flags", "given_flags")


@pytest.fixture
def run_main(monkeypatch):
    """Runs a script's `main` under flags of its own, those of other tests put away."""
    monkeypatch.syspath_prepend(SCRIPTS)
    for name, value in list(vars(flags.FLAGS).items()):
        if isinstance(value, dict):
            monkeypatch.setitem(vars(flags.FLAGS), name, {})
    for name in DEFINE_FLAGS:
        monkeypatch.delitem(sys.modules, name, raising=False)

    def run(script, *arguments):
        program = runpy.run_path(str(SCRIPTS / script))
        flags.FLAGS([script, *arguments])
        program["main"]([script])

    yield run
    for name in DEFINE_FLAGS:
        sys.modules.pop(name, None)


@pytest.fixture
def called(monkeypatch):
    """Puts what only notes its arguments in a function's place, and checks them."""

    def put(module, name, **options):
        noting = mock.create_autospec(getattr(module, name), **options)
        monkeypatch.setattr(module, name, noting)
        return noting

    return put
