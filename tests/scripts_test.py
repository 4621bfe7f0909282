"""What holds of all scripts: mistakes, signals, help. What they do: readme_test."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import preloaded
import pytest

ROOT = pathlib.Path(__file__).parents[1]
SCRIPTS = sorted(
    path.name
    for path in (ROOT / "scripts").glob("*.py")
    if "cli.run(main" in path.read_text() and path.name != "cli.py"
)


def run(script, *arguments):
    command = [str(ROOT / "scripts" / script), *map(str, arguments)]
    return preloaded.run(command, ROOT, timeout=300)


def test_a_mistake_ends_in_one_line():
    result = run("evaluate.py", "--model=no_such_model")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if "error: " in line]
    assert len(errors) == 1 and "no_such_model" in errors[0]


@pytest.mark.parametrize(
    "script, flag",
    [
        ("train_cell_reader.py --images=mine", "layout"),
        ("train_cell_reader.py --images=mine", "digits"),
        ("train_cell_reader.py --images=mine", "tfds_data_dir"),
        ("train_decoder.py", "digits"),
    ],
)
def test_what_is_of_composites_is_no_flag_of_what_sees_none(script, flag):
    result = run(*script.split(), "--workdir=unused", f"--{flag}=x")
    assert result.returncode == 1
    assert f"Unknown command line flag '{flag}'" in result.stderr


def test_nothing_half_written_stays_of_what_is_stopped(tmp_path):
    with subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "scripts" / "generate_data.py"),
            "--layout=tiled",
            "--num_images=200000",
            f"--output_dir={tmp_path / 'out'}",
        ],
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        while not list(tmp_path.rglob("*.png")):
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())


def test_a_reader_of_the_help_may_go():
    with subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "train_encoder.py"), "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": ""},  # as it usually is
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.parametrize("flag", ["--help", "--helpshort", "--helpfull"])
def test_help_that_was_asked_for_is_no_failure(flag):
    shown = preloaded.run(["scripts/evaluate.py", flag], ROOT, timeout=60)
    assert shown.returncode == 0 and shown.stderr == ""
    assert "python scripts/evaluate.py" in shown.stdout
    assert "--model" in shown.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_shows_an_example(script):
    """Read from the source: absl prints the module's docstring as help."""
    docstring = (ROOT / "scripts" / script).read_text().split('"""')[1]
    assert f"python scripts/{script}" in docstring


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_shows_the_flags_of_shared_modules_too(script):
    """absl leaves those out that a script has not adopted."""
    short, full = (
        preloaded.run([f"scripts/{script}", flag], ROOT, timeout=60).stdout
        for flag in ("--help", "--helpfull")
    )
    sections = re.split(r"^(\S+):$", full, flags=re.MULTILINE)[1:]
    ours = {path.stem for path in (ROOT / "scripts").glob("*.py")}
    flags = {
        name
        for module, text in zip(sections[::2], sections[1::2])
        if pathlib.Path(module).stem in ours
        for name in re.findall(r"^  --(?:\[no\])?(\w+):", text, re.MULTILINE)
    }
    shown = re.findall(r"^  --(?:\[no\])?(\w+):", short, re.MULTILINE)
    assert flags and flags == set(shown)
