"""The scripts as a person runs them, from digits to the sum of a picture."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import preloaded

ROOT = pathlib.Path(__file__).parents[1]
SCRIPTS = sorted(
    path.name
    for path in (ROOT / "scripts").glob("*.py")
    if "cli.run(main" in path.read_text() and path.name != "cli.py"
)


def run(script, *arguments):
    command = [str(ROOT / "scripts" / script), *map(str, arguments)]
    return preloaded.run(command, ROOT, timeout=300)


def succeed(script, *arguments) -> str:
    result = run(script, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def fail(script, *arguments) -> str:
    """The one line a failing script ends with."""
    result = run(script, *arguments)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if "error: " in line]
    assert len(errors) == 1, result.stderr
    return errors[0]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A tiny experiment: two steps of each stage."""
    workdir = tmp_path_factory.mktemp("workdir")
    shared = [f"--workdir={workdir}", "--total_steps=2", "--global_batch_size=4"]
    digits = _few_digits(workdir / "digits.npz")
    images = [f"--digits={digits}", "--base_channels=2", "--layout=tiled"]
    succeed("train_encoder.py", *shared, *images)
    succeed("train_decoder.py", *shared)
    succeed("train_end_to_end.py", *shared, *images, "--objective=regression")
    return workdir


def _few_digits(path):
    with np.load(ROOT / "mnist_sum_tf" / "data" / "mnist.npz") as mnist:
        np.savez(path, **{name: mnist[name][:240] for name in mnist.files})
    return path


def test_train_evaluate_export_predict(workdir, tmp_path):
    for stage in ("encoder", "decoder", "sum_model"):
        assert (workdir / stage / "checkpoints" / "ckpt-2.index").exists()
    settings = json.loads((workdir / "encoder" / "config.json").read_text())
    assert settings["data"]["augmented"] is False  # nothing of composites
    assert settings["model"]["block_channels"] is None
    table = succeed(
        "evaluate.py", f"--workdir={workdir}", "--layouts=tiled,scattered",
        f"--digits={workdir / 'digits.npz'}", f"--output_dir={tmp_path}",
    )  # fmt: skip
    report = json.loads((tmp_path / "evaluation.json").read_text())
    results = report["results"]
    assert results.keys() == {"tiled", "scattered"}
    assert report["confidence"]["all of these"]["num_images"] == 120
    assert results["tiled"]["num_images"] == 60
    assert "Actual" in table
    exported = tmp_path / "exported"
    result = run(
        "export_model.py", f"--workdir={workdir}", f"--export_dir={exported}"
    )
    assert (result.returncode, result.stderr) == (0, "")
    # Twenty validation digits make five composites of `tiled`.
    assert result.stdout.startswith("Not calibrated: 5 validation images")
    assert (exported / "1" / "saved_model.pb").exists()
    samples = ROOT / "exported_models" / "samples"
    names = sorted(map(str, samples.glob("*.png")))
    printed = succeed("predict.py", *names, f"--model={exported}", "--json")
    readings = json.loads(printed)
    assert [reading["path"] for reading in readings] == names
    for reading in readings:
        assert reading.keys() == {"path", "digits", "sum", "probability"}
        assert len(reading["digits"]) == 4 and 0 <= reading["sum"] <= 36
        assert 0 < reading["probability"] <= 1


def test_mistakes_end_in_one_line(workdir):
    assert "base_channels 2 there, 4 here" in fail(
        "train_encoder.py", f"--workdir={workdir}", "--base_channels=4",
        "--total_steps=2", "--global_batch_size=4", "--layout=tiled",
        f"--digits={workdir / 'digits.npz'}",
    )  # fmt: skip
    assert "no_such_model" in fail("evaluate.py", "--model=no_such_model")


@pytest.mark.parametrize("flag", ["layout", "digits", "tfds_data_dir"])
def test_what_is_of_composites_is_no_flag_of_the_cell_reader(flag):
    result = run(
        "train_cell_reader.py", "--workdir=unused", "--images=mine", f"--{flag}=x"
    )
    assert result.returncode == 1
    assert f"Unknown command line flag '{flag}'" in result.stderr


def test_nothing_half_written_stays_of_what_is_stopped(tmp_path):
    with subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "generate_data.py"), "--layout=tiled",
         "--num_images=200000", f"--output_dir={tmp_path / 'out'}"],
        stderr=subprocess.PIPE, cwd=ROOT,
    ) as process:  # fmt: skip
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
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": ""},  # as it usually is
    ) as process:  # fmt: skip
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_shows_an_example(script):
    """Read from the source: absl prints the module's docstring as help."""
    docstring = (ROOT / "scripts" / script).read_text().split('"""')[1]
    assert f"python scripts/{script}" in docstring
