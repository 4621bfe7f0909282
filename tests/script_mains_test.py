"""What the flags of scripts come to, without the work."""

import pathlib

import pytest
from script_fixtures import SCRIPTS, called, run_main

from mnist_sum_tf import original_recipe, original_tables
from mnist_sum_tf.benchmarks import run as benchmarks
from mnist_sum_tf.benchmarks import settings as benchmark_settings
from mnist_sum_tf.data import digits, photographs
from mnist_sum_tf.demo import server
from mnist_sum_tf.serving import release
from mnist_sum_tf.torch_bridge import work_directories
from mnist_sum_tf.training import stages


def test_demo(run_main, called):
    run_demo = called(server, "run_demo")
    run_main("demo.py", "--port=0", "--host=0.0.0.0", "--model=mine")
    (config,) = run_demo.call_args.args
    assert (config.host, config.port, config.model) == ("0.0.0.0", 0, "mine")
    assert config.backend is None and config.ca_certificates is None
    assert list(pathlib.Path(config.examples).glob("*.jpg"))


def test_demo_of_a_backend(run_main, called):
    run_demo = called(server, "run_demo")
    run_main("demo.py", "--backend=https://here/team", "--ca_certificates=ca.pem")
    (config,) = run_demo.call_args.args
    assert (config.backend, config.ca_certificates) == ("https://here/team", "ca.pem")


@pytest.mark.parametrize("flag, choose", [("--quick", "quick"), ("--noquick", "full")])
def test_benchmark(run_main, called, flag, choose):
    run = called(benchmarks, "run")
    run_main("benchmark.py", flag, "--sections=pipeline,memory", "--output=a.json")
    settings, sections, output = run.call_args.args
    shipped = SCRIPTS.parent / "exported_models" / "mnist_sum"
    assert settings == getattr(benchmark_settings, choose)(shipped)
    assert (sections, output) == (["pipeline", "memory"], "a.json")


def test_export_model(run_main, called, capsys):
    run = called(release, "release", return_value="E/model_int8.tflite")
    run_main(
        "export_model.py",
        "--model=M",
        "--export_dir=E",
        "--format=litert",
        "--quantization=int8",
        "--nocalibrate",
        "--blend_with=B",
        "--blend_share=0.5",
    )
    run.assert_called_once_with(
        release.ExportConfig(
            "E",
            model_path="M",
            calibrates=False,
            file_format="litert",
            quantization="int8",
            blend_with="B",
            blend_share=0.5,
        )
    )
    assert capsys.readouterr().out == "E/model_int8.tflite\n"


def test_the_original_size_by_its_own(run_main, called):
    train = called(stages, "train_encoder")
    run_main(
        "train_encoder.py",
        "--workdir=O",
        "--preset=original",
        "--layout=tiled",
        "--deformed",
        "--precision=mixed_bfloat16",
        "--total_steps=18750",
    )
    settings, workdir = train.call_args.args
    assert workdir == "O"
    assert settings.model.channels == (64, 128, 256, 512, 1024)
    assert not settings.model.normalized
    assert (settings.precision, settings.total_steps) == ("mixed_bfloat16", 18750)
    assert (settings.data.layout, settings.data.deformed) == ("tiled", True)
    assert settings.global_batch_size == 16
    assert settings.optimizer.learning_rate == 1e-5


def test_the_original_size_by_our_schedule(run_main, called):
    train = called(stages, "train_encoder")
    run_main("train_encoder.py", "--workdir=B", "--base_channels=64", "--layout=tiled")
    settings, _ = train.call_args.args
    assert settings.model.channels == (64, 128, 256, 512, 1024)
    assert settings.model.normalized


def test_sums_by_regression(run_main, called, tmp_path):
    train = called(stages, "train_end_to_end")
    run_main("train_end_to_end.py", f"--workdir={tmp_path}", "--objective=regression")
    settings, _ = train.call_args.args
    assert (settings.stage, settings.objective) == ("sum_model", "regression")
    assert settings.data.validates_all_layouts


def test_make_photographs(run_main, called, capsys):
    write = called(photographs, "write_photographs", return_value=["a.jpg", "b.png"])
    run_main(
        "make_photographs.py", "--output_dir=out", "--split=validation", "--seed=3"
    )
    chosen, *others = write.call_args.args
    assert others == [3, "out"]
    expected = digits.load_digits(split="validation")
    assert (chosen.images == expected.images).all()
    assert capsys.readouterr().out == "a.jpg\nb.png\n"


def test_reproduce_original(run_main, called, capsys):
    reproduce = called(original_recipe, "reproduce")
    called(original_tables, "format_report", return_value="tables")
    run_main(
        "reproduce_original.py",
        "--workdir=W",
        "--encoder_epochs=12",
        "--end_to_end_epochs=3",
        "--seed=5",
        "--base_channels=2",
        "--precision=float32",
        "--nopytorch_start",
        "--digits=few.npz",
        "--layouts=tiled,mixed",
    )
    expected = original_recipe.Recipe(
        epochs={"encoder": 12, "decoder": 25, "sum_model": 3},
        seed=5,
        precision="float32",
        digits="few.npz",
        base_channels=2,
        pytorch_start=False,
        layouts=("tiled", "mixed"),
    )
    reproduce.assert_called_once_with(expected, "W")
    assert capsys.readouterr().out == "tables\n"


def test_convert_from_torch(run_main, called, capsys):
    convert = called(work_directories, "convert_from_torch")
    convert.return_value.stage = "encoder"
    run_main(
        "convert_torch_checkpoint.py",
        "--torch_checkpoint=a.pth",
        "--workdir=W",
        "--seed=9",
    )
    path, workdir, settings_of = convert.call_args.args
    assert (path, workdir) == ("a.pth", "W")
    settings = settings_of("encoder")
    assert (settings.preset, settings.stage) == ("original", "encoder")
    assert (settings.seed, settings.global_batch_size) == (9, 16)
    assert capsys.readouterr().out == "Wrote a.pth to W/encoder\n"


def test_convert_to_torch(run_main, called, capsys):
    convert = called(work_directories, "convert_to_torch", return_value="decoder")
    run_main(
        "convert_torch_checkpoint.py",
        "--torch_checkpoint=a.pth",
        "--workdir=W",
        "--to_torch",
        "--stage=decoder",
    )
    convert.assert_called_once_with("a.pth", "W", "decoder")
    assert capsys.readouterr().out == "Wrote the decoder of W to a.pth\n"
