"""The notebooks: run with small settings; as stored, run with large ones."""

import os
import pathlib

import nbclient
import nbformat
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOLDER = ROOT / "scripts" / "notebooks"
NAMES = ("inference_notebook", "end_to_end")


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run(name, monkeypatch, **settings):
    """Runs a notebook from top to bottom in its own folder."""
    for key, value in settings.items():
        monkeypatch.setenv(f"MNIST_SUM_{key}", str(value))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    # The kernel finds the package even where it is not installed.
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    client = nbclient.NotebookClient(
        read(name),
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
    )
    return client.execute()


@pytest.fixture
def few_digits(tmp_path):
    path = tmp_path / "digits.npz"
    with np.load(ROOT / "mnist_sum_tf" / "data" / "mnist.npz") as mnist:
        np.savez(path, **{name: mnist[name][:240] for name in mnist.files})
    return path


def pictures(notebook):
    return [
        output.data["image/png"]
        for cell in code_cells(notebook)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def printed(notebook):
    return "".join(
        output.text
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream"
    )


def test_inference(monkeypatch, few_digits):
    notebook = run(
        "inference_notebook",
        monkeypatch,
        DIGITS=few_digits,
        LAYOUTS="tiled,scattered",
        FILES="../../exported_models/samples",
    )
    assert len(pictures(notebook)) == 9
    text = printed(notebook)
    assert "1,874,138 numbers in 33 weights" in text
    assert "\nall of these" in text


def test_end_to_end(monkeypatch, few_digits, tmp_path):
    notebook = run(
        "end_to_end",
        monkeypatch,
        DIGITS=few_digits,
        DATA=tmp_path / "data",
        WORKDIR=tmp_path / "run",
        NUM_IMAGES=60,
        TOTAL_STEPS=4,
        BATCH_SIZE=8,
        READER_STEPS=4,
        ENCODER_STEPS=4,
        DECODER_STEPS=4,
        BASE_CHANNELS=2,
        MIN_CONFIDENCE=0,
    )
    assert len(pictures(notebook)) == 8
    text = printed(notebook)
    assert "(60, 40, 168) uint8" in text
    assert '"images": 60' in text
    assert "{'train': 48, 'validation': 6, 'test': 6}" in text
    (images,) = (tmp_path / "data").iterdir()
    assert images.name.startswith("assignment_60_")
    assert images.name.endswith("_digits.npz")
    assert (tmp_path / "run" / "exported" / "1" / "saved_model.pb").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_as_stored_it_ran_to_its_end(name):
    notebook = read(name)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert len(pictures(notebook)) >= 5
    text = nbformat.writes(notebook)
    assert '"output_type": "error"' not in text
    # Paths of the machine it ran on.
    for place in ("/root", "/home", "/work", "/tmp", "/Users", "site-packages"):
        assert place not in text, place


@pytest.mark.parametrize("name", NAMES)
def test_it_has_no_logic_of_its_own(name):
    for cell in code_cells(read(name)):
        words = cell.source.split()
        assert not {"def", "class", "while", "lambda", "try:"} & set(words)
