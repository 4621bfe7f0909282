"""`mnist-sum SCRIPT` is `python scripts/SCRIPT.py`, from any folder."""

import subprocess
import sys

import pytest

from mnist_sum_tf import command_line


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["mnist-sum", *arguments])
        command_line.main()
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_all_programs_are_listed(run, arguments):
    lines = run(*arguments).splitlines()
    names = [line.split()[0] for line in lines[2:]]
    # Those who share flags are no programs.
    assert {"predict", "train_encoder", "evaluate", "query_server"} < {*names}
    assert not {"cli", "training_flags", "image_flags", "preset_defaults"} & {*names}
    (line,) = [line for line in lines if line.split()[:1] == ["train_encoder"]]
    assert line.endswith("  Trains the encoder: image -> four digits.")


def test_another_name_is_refused(run):
    with pytest.raises(SystemExit) as ended:
        run("predicts", "a.png")
    assert str(ended.value).startswith("error: mnist-sum must be followed by one of ")
    assert str(ended.value).endswith(", write_tfds_dataset. Received: predicts")


def test_without_scripts_it_says_what_it_needs(run, tmp_path, monkeypatch):
    monkeypatch.setattr(command_line, "SCRIPTS", tmp_path)
    with pytest.raises(SystemExit, match=r"needs a clone, .*Received: --help$"):
        run("--help")


def test_a_script_runs_from_any_folder_with_its_status(tmp_path):
    python = "from mnist_sum_tf import command_line; command_line.main()"
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            python,
            "generate_data",
            "--num_images=0",
            "--output_dir=here",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1 and not list(tmp_path.iterdir())
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ") and "Received: flag --num_images=0: " in line
