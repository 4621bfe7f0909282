"""What the flags of scripts refuse, before anything is read or written."""

import re
import runpy

import pytest
from absl import flags
from script_fixtures import SCRIPTS, run_main

from mnist_sum_tf.user_errors import UserError


@pytest.mark.parametrize(
    "command, message",
    [
        (
            "demo.py --ca_certificates=ca.pem",
            "--ca_certificates requires --backend. "
            "Received: --ca_certificates=ca.pem alone",
        ),
        (
            "demo.py --model=mine --backend=http://here",
            "Only one of --model and --backend may be given. Received: mine and http://here",
        ),
        (
            "evaluate.py --images=mine --layouts=tiled,mixed",
            "Received: --layouts=tiled,mixed --images=mine",
        ),
        ("evaluate.py --layouts=", "--layouts must name"),
        (
            "benchmark.py --sections=memory,twin --model=mine",
            "Received: --model=mine --sections=memory,twin",
        ),
        ("evaluate.py --layouts=tiled,tild", "Received: 'tild'"),
        ("query_server.py --load_seconds=nan", "--load_seconds must be a number"),
        ("query_server.py --timeout_seconds=inf", "--timeout_seconds must be"),
        ("query_server.py --status --json", "Received: --status --json"),
        (
            "query_server.py a.png --load_seconds=2 --json",
            "Received: --load_seconds=2.0 --json",
        ),
        ("query_server.py a.png --load_batch_size=8", "--load_batch_size=8 alone"),
        ("evaluate.py --model=mine --workdir=W", "Received: --model=mine --workdir=W"),
        ("evaluate.py --sums=s.npy", "--sums=s.npy alone"),
        (
            "train_end_to_end.py --workdir=W --notrain_encoder",
            "--objective=distribution --preset=compact",
        ),
        (
            "train_end_to_end.py --workdir=W --preset=original --objective=distribution",
            "with --preset=original that is the default) requires "
            "--objective=regression",
        ),
        (
            "train_end_to_end.py --workdir=W --decorrelation=nan",
            "--decorrelation must be a finite number. Received: nan",
        ),
        (
            "export_model.py --export_dir=E --workdir=W --blend_share=0.5",
            "--blend_share=0.5 alone",
        ),
        (
            "convert_torch_checkpoint.py --torch_checkpoint=a.pth --workdir=W "
            "--stage=encoder",
            "--stage=encoder alone",
        ),
        (
            "convert_torch_checkpoint.py --torch_checkpoint=a.pth --workdir=W "
            "--normalized",
            "layers are plain. Received: --normalized",
        ),
        (
            "convert_torch_checkpoint.py --torch_checkpoint=a.pth --workdir=W "
            "--to_torch --stage=encoder --seed=4 --images=P",
            "trains nothing. Received: --images, --seed",
        ),
        ("evaluate.py --tfds_data_dir=D", "--tfds_data_dir=D --digits=bundled"),
        (
            "reproduce_original.py --workdir=W --tfds_data_dir=D",
            "--tfds_data_dir=D --digits=bundled",
        ),
        (
            "distill_encoder.py --workdir=W --tfds_data_dir=D",
            "--tfds_data_dir=D --digits=bundled",
        ),
        (
            "generate_data.py --output_dir=out --tfds_data_dir=D",
            "--tfds_data_dir=D --digits=bundled",
        ),
        ("train_decoder.py --workdir=W --layout=diagonal", "Received: 'diagonal'"),
    ],
)
def test_what_cannot_be_is_refused(run_main, tmp_path, monkeypatch, command, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=re.escape(message)):
        run_main(*command.split())
    assert not list(tmp_path.iterdir())


def test_a_picture_into_a_folder_is_refused_before_anything_is_read(
    run_main, tmp_path, monkeypatch
):
    program = runpy.run_path(str(SCRIPTS / "predict.py"))
    (tmp_path / "sheet.png").mkdir()
    flags.FLAGS(["predict.py", f"--picture={tmp_path}/sheet.png"])
    with pytest.raises(UserError, match="--picture must be .* which is no file"):
        program["main"](["predict.py", "missing.png"])


@pytest.mark.parametrize(
    "script", ["generate_data.py", "make_photographs.py", "reproduce_original.py"]
)
@pytest.mark.parametrize("seed", ["-1", "99999999999999999999"])
def test_seeds_are_whole_numbers_of_31_bits(run_main, script, seed):
    with pytest.raises(flags.IllegalFlagValueError, match="--seed=" + seed):
        run_main(script, f"--seed={seed}", "--output_dir=a", "--workdir=b")


@pytest.mark.parametrize("share", ["-0.1", "2"])
def test_a_share_is_from_0_to_1(run_main, share):
    with pytest.raises(flags.IllegalFlagValueError, match=f"--blend_share={share}"):
        run_main(
            "export_model.py",
            "--model=M",
            "--export_dir=E",
            "--blend_with=B",
            f"--blend_share={share}",
        )
