"""Every command of the README, and of two that it names, does what it says when small.

Those that take hours, and all of `exported_models/README.md`, are read: their flags
exist.
"""

import concurrent.futures
import json
import pathlib
import re
import shlex
import shutil
import subprocess

import numpy as np
import preloaded
import pytest

from mnist_sum_tf.training.initial_weights import encoder_of

ROOT = pathlib.Path(__file__).parents[1]
README, MODELS_README = (
    "\n".join((ROOT / path).read_text() for path in paths)
    for paths in (
        ("README.md", "CONTRIBUTING.md", "scripts/serving/README.md"),
        ("exported_models/README.md",),
    )
)

_FEW_STEPS = ["--total_steps=2", "--global_batch_size=4", "--layout=tiled"]
_FEW_DIGITS = ["--digits=few.npz"]
# What makes a script's work small; given last, so that it holds.
SMALL = {
    "train_encoder.py": _FEW_STEPS + _FEW_DIGITS,
    "train_decoder.py": ["--total_steps=2", "--global_batch_size=4"],
    "train_cell_reader.py": ["--total_steps=2", "--global_batch_size=4"],
    "label_digits.py": ["--min_confidence=0"],
    "train_end_to_end.py": _FEW_STEPS + _FEW_DIGITS,
    "evaluate.py": _FEW_DIGITS,
    "generate_data.py": ["--num_images=40"],
}
# Experiments of hours; script_mains_test has what their flags come to.
HOURS = ("--workdir=B", "--workdir=O")
# Too long, or in need of what a test sets up: the file that does the same, and
# where it does not name the command's script, a word that shows it.
RUN_ELSEWHERE = {
    "python3 -m venv": "../.ci/run venv",
    "python -m pytest": "../.ci/run pytest",
    "pip install": "../.ci/run pip install",
    "ruff": "../.ci/run ruff",
    "sudo apt-get install": "../.ci/run apt-get",
    "python scripts/benchmark.py": "benchmark_test.py",
    "python scripts/train_encoder.py --preset=speedrun": (
        "check_resumption.py train_encoder.py --preset=speedrun"
    ),
    "python scripts/evaluate.py --output_dir=after": "readme_test.py --output_dir=evaluation",
    "python scripts/export_model.py --model=exported_models/mnist_sum --export_dir=": (
        "release_test.py release.release model_path"
    ),
    "python scripts/demo.py": "demo_page_test.py",
    "python scripts/export_model.py --model=exported_models/mnist_sum --format=litert": (
        "formats_test.py litert int8 release.release"
    ),
    "python scripts/predict.py exported_models/photographs --model=exported_models/fast": (
        "formats_test.py predict.py model.tflite"
    ),
    "python scripts/distill_encoder.py": "distillation_recipe_test.py recipe.distill",
    "python scripts/query_server.py": "model_server_test.py",
    "python tests/model_server.py": "model_server_test.py model_server",
    "python -m nbconvert": "notebooks_test.py",
    "python tests/check_resumption.py": "resumption_test.py",
    "python tests/check_drawings.py": "demo_page_test.py",
    "python tests/fuzz_readers.py": "fuzz_test.py",
    "export TF_CONFIG": "replicas_test.py",
    "python scripts/train_encoder.py --workdir=/shared/W": "many_devices.py multi_worker",
    "printf": "serving_contract_test.py test_bytes_in_base_64 serving_bytes",
    "docker": "deployment_test.py",
    "kubectl": "deployment_test.py kubectl",
    "PYTHON=python scripts/serving/check": "deployment_test.py",
}


def commands(section: str) -> list[str]:
    """The commands of a section's shell blocks, one line each."""
    found, command = [], ""
    for block in re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S):
        for line in block.splitlines():
            command = f"{command} {line}".strip()
            if command.endswith("\\"):
                command = command[:-1]
            elif not command.endswith("&&") and _is_whole(command):
                # What follows && runs when what comes before it has.
                found += [part.strip() for part in command.split("&&")]
                command = ""
    return [command for command in found if shlex.split(command, comments=True)]


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return False
    return True


def runs_elsewhere(command: str) -> str | None:
    command = " ".join(command.replace(".venv/bin/", "").split())
    matches = [start for start in RUN_ELSEWHERE if command.startswith(start)]
    return RUN_ELSEWHERE[max(matches, key=len)] if matches else None


def small(command: str) -> list[str]:
    words = shlex.split(command.replace(".venv/bin/", ""), comments=True)
    if words[0] == "cp":
        return words
    assert words[0] == "python" and words[1].startswith("scripts/"), command
    script = pathlib.Path(words[1]).name
    extra = list(SMALL.get(script, []))
    given = " ".join(words)
    if "--images" in given:
        extra = [e for e in extra if not re.match("--(digits|layout)", e)]
    if "--degradation_share" in given:  # of `mixed` alone
        extra = [e for e in extra if not e.startswith("--layout")]
    if "--digits" in given:
        extra = [e for e in extra if not e.startswith("--digits")]
    if script in ("train_encoder.py", "train_end_to_end.py"):
        if "--initial_model" not in given:
            extra.append("--base_channels=2")
    if script == "evaluate.py" and not re.search("--(layouts|images)", given):
        extra.append("--layouts=tiled,scattered")
    if script == "export_model.py" and re.search("--(quantization|model)", given):
        extra.append("--nocalibrate")
    return [*words, *extra]


SECTIONS = re.split(r"^## ", README, flags=re.M)
COMMANDS = [
    command
    for section in SECTIONS
    for command in commands(section)
    if not set(HOURS) & set(command.split())
]


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    """A checkout to write into, and a person's files."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "scripts").symlink_to(ROOT / "scripts")
    models = folder / "exported_models"
    shutil.copytree(ROOT / "exported_models", models)
    shutil.copytree(models / "samples", folder / "my_pngs")
    shutil.copytree(models / "samples", folder / "my_other_pngs")
    photograph = next((models / "photographs").glob("*.jpg"))
    shutil.copy(photograph, folder / "photo.jpg")
    (folder / "photos").mkdir()
    shutil.copy(photograph, folder / "photos" / "photo.jpg")
    total = sum(map(int, photograph.name[:4]))
    (folder / "sums.csv").write_text(f"image,sum\nphoto.jpg,{total}\n")
    with np.load(ROOT / "mnist_sum_tf" / "data" / "mnist.npz") as mnist:
        few = {name: mnist[name][:480] for name in mnist.files}
    np.savez(folder / "few.npz", **few)
    return folder


def run(words: list[str], cwd) -> subprocess.CompletedProcess:
    if words[0] == "python":
        return preloaded.run(words[1:], cwd, timeout=300)
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def results(playground):
    """Runs each section's commands in their order, two sections at a time."""

    def run_section(section):
        return [
            (command, run(small(command), playground))
            for command in commands(section)
            if command in COMMANDS and not runs_elsewhere(command)
        ]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(sum(pool.map(run_section, SECTIONS), []))


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_the_command_runs(command, results):
    elsewhere = runs_elsewhere(command)
    if elsewhere:
        file, *words = elsewhere.split()
        if not words:
            words = re.findall(r"scripts/(?:\w+/)*(\w+)\.(?:py|sh)", command)
        test = (ROOT / "tests" / file).read_text()
        assert all(word in test for word in words), words
    else:
        result = results[command]
        assert result.returncode == 0, result.stderr
        assert "error" not in result.stderr.lower()


def test_what_they_write_is_there(playground, results):
    for path in (
        "read.png",
        "evaluation/evaluation.json",
        "W/encoder/history.csv",
        "exported_models/mine/1/saved_model.pb",
        "data/images.npy",
    ):
        assert (playground / path).stat().st_size > 0, path


def test_one_experiment_from_digits_to_the_sum_of_a_picture(playground, results):
    for stage in ("encoder", "decoder"):
        assert (playground / "W" / stage / "checkpoints" / "ckpt-2.index").exists()
    settings = json.loads((playground / "W/encoder/config.json").read_text())
    assert settings["data"]["augmented"] is False  # nothing of composites
    assert settings["model"]["block_channels"] is None
    exported = results[
        "python scripts/export_model.py     --workdir=W "
        "--export_dir=exported_models/mine"
    ]
    # Forty validation digits make ten composites of `tiled`.
    assert exported.stdout.startswith("Not calibrated: 10 validation images")
    assert exported.stderr == ""
    pictures = sorted((playground / "exported_models/photographs").glob("*.[jp]*"))
    read = results[
        "python scripts/predict.py exported_models/photographs "
        "--model=exported_models/mine"
    ]
    lines = read.stdout.splitlines()
    for picture in pictures:
        assert sum(picture.name in line for line in lines) == 1, picture


def test_what_an_evaluation_writes(playground, results):
    report = json.loads((playground / "evaluation/evaluation.json").read_text())
    found = report["results"]
    assert found.keys() == {"tiled", "scattered"}
    assert found["tiled"]["num_images"] == 120  # of 480 test digits
    assert report["confidence"]["all of these"]["num_images"] == 240
    assert len(report["corruptions"]) > 15
    first = next(command for command in results if "--corruptions" in command)
    assert "Actual" in results[first].stdout


def test_a_work_directory_is_for_one_experiment(playground, results):
    again = "python scripts/train_encoder.py --workdir=W --base_channels=4 --seed=0"
    ran = run([*shlex.split(again), *SMALL["train_encoder.py"]], playground)
    assert ran.returncode == 1
    assert "base_channels was 2, is now 4" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_shipped_encoder_in_other_orders_of_the_digits(capsys):
    (block,) = (
        block
        for block in re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
        if "evaluation_dataset" in block
    )
    shipped = f'encoder_of("{ROOT}/exported_models/mnist_sum", "model")'
    of_workdir = 'load_encoder(pathlib.Path("R/encoder"))'
    assert of_workdir in block
    exec(block.replace(of_workdir, shipped), {"encoder_of": encoder_of})
    told = re.search(r"(99\.\d\d) % there \(`encoder_of", " ".join(README.split()))
    # 10,000 composites; three of them may be read otherwise on another processor.
    read = float(capsys.readouterr().out.removesuffix("%\n"))
    assert read == pytest.approx(float(told[1]), abs=0.031)


def test_every_script_that_is_named_exists():
    named = set(
        re.findall(r"`?((?:scripts|tests)/[\w/]+\.\w+)", README + MODELS_README)
    )
    assert len(named) > 10
    for path in named:
        assert (ROOT / path).exists(), path


def flags_given() -> dict[str, set[str]]:
    """Script -> the names of the flags that commands of either README give it."""
    given = {}
    for section in SECTIONS + re.split(r"^## ", MODELS_README, flags=re.M):
        for command in commands(section):
            script = re.search(r"python (scripts/\w+\.py)", command)
            if script:
                names = re.findall(r"--(\w+)", command)
                given.setdefault(script[1], set()).update(names)
    return given


@pytest.mark.parametrize("script, names", flags_given().items())
def test_flags_that_are_given_exist(script, names):
    ran = run(["python", script, "--helpfull"], ROOT)
    there = set(re.findall(r"^ +(?:-\w,)?--(?:\[no\])?(\w+)", ran.stdout, re.M))
    assert "helpfull" in there
    assert {name for name in names if name.removeprefix("no") not in there} <= there


def test_extras_that_are_named_exist():
    setup = (ROOT / "setup.cfg").read_text()
    extras = set(re.findall(r"pip install -e '\.\[(\w+)\]'", README))
    assert "test" in extras
    for extra in extras:
        assert re.search(rf"^{extra} =$", setup, re.M), extra
