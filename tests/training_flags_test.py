"""Every flag of the training scripts reaches the setting of its name."""

import dataclasses
import json
import pathlib
import re
import sys

import preloaded
import pytest
from absl import flags

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))
import training_flags

from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving.signatures import write_saved_model
from mnist_sum_tf.user_errors import UserError

# A value that no preset has, and what requires it.
VALUES = {
    "seed": (7, ""),
    "total_steps": (11, ""),
    "global_batch_size": (24, ""),
    "learning_rate": (0.125, ""),
    "weight_decay": (0.25, ""),
    "precision": ("float32", ""),
    "strategy": ("mirrored", ""),
    "checkpoint_every_steps": (13, ""),
    "evaluate_every_steps": (17, ""),
    "log_every_steps": (19, ""),
    "skip_non_finite": (2, ""),
    "deterministic": (True, ""),
    "stop_at_accuracy": (0.875, ""),
    "layout": ("separate", ""),
    "digits": ("my.npz", ""),
    "tfds_data_dir": ("data", "--digits=tfds"),
    "base_channels": (5, ""),
    "dropout_rate": (0.25, ""),
    "initial_model": ("model", "--base_channels=16"),
    "teacher": ("model", ""),
    "normalized": (False, ""),
    "deformed": (True, "--layout=tiled"),
    "deformation_strength": (0.5, ""),
    "degradation_share": (0.25, ""),
    "mixup_share": (0.25, ""),
    "images": ("images", ""),
    "sums": ("sums.npy", "--images=images.npy"),
    "augmented": (False, "--images=images"),
}


@pytest.fixture(scope="module", autouse=True)
def defined_flags():
    training_flags.define_image_flags()


def settings(*arguments, stage="encoder", workdir="unused", **changes):
    flags.FLAGS.unparse_flags()
    for name in ("preset", "block_channels", *VALUES):
        flags.FLAGS[name].unparse()
    flags.FLAGS(["program", f"--workdir={workdir}", *" ".join(arguments).split()])
    return training_flags.settings(stage, **changes)


def flat(chosen) -> dict:
    """All settings by name, those of parts too."""
    values = {}
    for field in dataclasses.fields(chosen):
        value = getattr(chosen, field.name)
        is_part = dataclasses.is_dataclass(value)
        values |= flat(value) if is_part else {field.name: value}
    return values


def test_flags_may_be_asked_for_again():
    before = list(flags.FLAGS)
    training_flags.define_image_flags()
    assert list(flags.FLAGS) == before


def test_the_table_names_all_flags():
    by_module = flags.FLAGS.flags_by_module_dict()
    modules = "training_flags", "image_flags", "digit_flags"
    defined = [flag for module in modules for flag in by_module[module]]
    assert {flag.name for flag in defined} == {
        "workdir",
        "preset",
        "block_channels",
        *VALUES,
    }


@pytest.mark.parametrize("name", VALUES)
def test_a_flag_sets_the_setting_of_its_name_alone(name):
    value, beside = VALUES[name]
    argument = f"--{name}={value}"
    without, given = flat(settings(beside)), flat(settings(beside, argument))
    assert without[name] != given[name] == value
    # Without composites, images are augmented.
    others = given | {name: without[name], "augmented": without["augmented"]}
    assert others == without


def test_the_size_is_that_of_the_flags():
    assert settings("--block_channels=3,1,4,1,5").model.channels == (3, 1, 4, 1, 5)
    doubled = settings("--block_channels=3,6,12,24,48").model
    assert (doubled.base_channels, doubled.block_channels) == (3, None)
    assert settings("--base_channels=3").model == doubled


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--images=mine --deformed", "--deformed is for composites"),
        (
            "--layout=tiled --deformation_strength=0.5",
            "--deformation_strength requires",
        ),
        (
            "--layout=tiled --degradation_share=0.5",
            "--degradation_share requires --layout=mixed. Received: --layout=tiled",
        ),
        ("--deformed", "--deformed requires another --layout than mixed"),
        ("--preset=speedrun --layout=mixed --nodeformed", "Received: --layout=mixed"),
        ("--sums=s.npy", "requires --images. Received: --sums=s.npy alone"),
        ("--augmented", "requires --images. Received: --augmented"),
    ],
)
def test_flags_that_do_not_go_together_are_reported(arguments, message):
    with pytest.raises(UserError, match=re.escape(message)):
        settings(arguments)


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize(
    "name", [name for name in VALUES if isinstance(VALUES[name][0], float)]
)
def test_numbers_that_are_not_finite_are_reported(name, value):
    """Bounds let nan pass, and some have none above."""
    try:
        with pytest.raises(UserError, match=f"--{name} must .* Received: {value}$"):
            settings(f"--{name}={value}")
    except flags.IllegalFlagValueError as error:
        assert value == "inf" and f"--{name}=inf" in str(error)


def test_presets_that_do_not_fit_are_reported():
    with pytest.raises(UserError, match="--preset must .* Received: 'huge'$"):
        settings("--preset=huge")
    with pytest.raises(UserError, match="is for encoder alone. Received: decoder"):
        settings("--preset=speedrun", stage="decoder")


def test_a_presets_share_of_blended_digits_is_of_composites():
    assert settings("--preset=speedrun").data.mixup_share == 0.25
    assert settings("--preset=speedrun --mixup_share=0").data.mixup_share == 0
    assert settings("--preset=speedrun --images=images").data.mixup_share == 0


@pytest.mark.parametrize(
    ("preset", "changes"), [("compact", {"train_encoder": False}), ("original", {})]
)
def test_an_encoder_that_does_not_learn_is_not_normalised(preset, changes):
    message = f"Received: --normalized --notrain_encoder --preset={preset}$"
    with pytest.raises(UserError, match=message):
        settings("--normalized", f"--preset={preset}", stage="sum_model", **changes)


@pytest.mark.parametrize("text", ["16,32,64,128", "1,2,0,4,5", "1,2,3,4,five", ""])
def test_a_size_that_cannot_be_is_reported(text):
    with pytest.raises(UserError, match="must be 5 whole numbers") as error:
        settings(f"--block_channels={text}")
    assert str(error.value).endswith(f"Received: {text!r}")


def test_two_sizes_are_reported():
    with pytest.raises(UserError, match="Received: 4 and 3,1,4,1,5"):
        settings("--base_channels=4", "--block_channels=3,1,4,1,5")


def test_the_size_is_that_of_the_initial_model_unless_told_otherwise(tmp_path):
    encoder = build_encoder(block_channels=(2, 3, 5, 4, 1))
    write_saved_model(build_sum_model(encoder, build_decoder()), str(tmp_path / "1"))
    from_there = f"--initial_model={tmp_path}"
    assert settings(from_there).model.channels == (2, 3, 5, 4, 1)
    assert settings(from_there, "--base_channels=4").model.base_channels == 4
    with pytest.raises(UserError, match="--initial_model must be a Saved"):
        settings(f"--initial_model={tmp_path / 'none'}")


def test_a_trained_encoder_tells_the_size_before_an_initial_model(tmp_path):
    trained = {
        "block_channels": [2, 3, 5, 4, 1],
        "base_channels": 2,
        "dropout_rate": 0.0,
    }
    (tmp_path / "encoder" / "checkpoints").mkdir(parents=True)
    (tmp_path / "encoder" / "config.json").write_text(json.dumps({"model": trained}))
    both = {"stage": "sum_model", "workdir": tmp_path}
    # Begun, but nothing to start from yet.
    assert settings(**both).model.channels == (16, 32, 64, 128, 256)
    (tmp_path / "encoder" / "checkpoints" / "ckpt-5.index").touch()
    model = settings("--initial_model=none", **both).model
    assert model.channels == (2, 3, 5, 4, 1)
    assert model.dropout_rate == 0.1  # how it goes on learning is not told
    assert settings("--base_channels=4", **both).model.base_channels == 4
    # An encoder's own run is told its size, or what it once started from.
    assert settings(workdir=tmp_path).model.base_channels == 16
    going_on = settings("--initial_model=none", workdir=tmp_path).model
    assert going_on.channels == (2, 3, 5, 4, 1)
    # What it goes on with is told by itself, not by what it once started from.
    (tmp_path / "encoder").rename(tmp_path / "sum_model")
    assert settings(**both).model.channels == (2, 3, 5, 4, 1)


@pytest.mark.parametrize(
    "channels", [[], [2, 3], [2, 3, 5, 4, 0], [2, 3, 5, 4, "1"], 7]
)
def test_a_trained_size_that_cannot_be_is_reported(tmp_path, channels):
    (tmp_path / "encoder" / "checkpoints").mkdir(parents=True)
    (tmp_path / "encoder" / "checkpoints" / "ckpt-5.index").touch()
    text = json.dumps({"model": {"block_channels": channels}})
    (tmp_path / "encoder" / "config.json").write_text(text)
    with pytest.raises(UserError, match="must name the model's size"):
        settings(stage="sum_model", workdir=tmp_path)


def test_the_size_is_read_before_many_machines_meet(tmp_path):
    """Creating the strategy fails where TensorFlow has computed anything before."""
    encoder = build_encoder(block_channels=(2, 3, 5, 4, 1))
    write_saved_model(build_sum_model(encoder, build_decoder()), str(tmp_path / "1"))
    checkpoint = tmp_path / "W" / "sum_model" / "checkpoints" / "ckpt-5.index"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    text = json.dumps({"model": {"base_channels": 3}})
    (tmp_path / "W" / "sum_model" / "config.json").write_text(text)
    program = f"""
import json, os, socket, sys
sys.path.insert(0, {str(SCRIPTS)!r})
with socket.socket() as free:
    free.bind(("localhost", 0))
    worker = "localhost:" + str(free.getsockname()[1])
os.environ["TF_CONFIG"] = json.dumps(
    {{"cluster": {{"worker": [worker]}}, "task": {{"type": "worker", "index": 0}}}}
)
import training_flags
from absl import flags
training_flags.define_image_flags()
flags.FLAGS(["program", "--workdir={tmp_path / "W"}", "--initial_model={tmp_path}"])
channels = [
    training_flags.settings(stage).model.channels for stage in ("encoder", "sum_model")
]
from mnist_sum_tf.training import strategies
strategies.set_up_devices(False)
strategies.create_strategy("multi_worker")
print(channels)
"""
    (tmp_path / "program.py").write_text(program)
    done = preloaded.run([tmp_path / "program.py"], ".", timeout=120)
    assert done.stdout == "[(2, 3, 5, 4, 1), (3, 6, 12, 24, 48)]\n", done.stderr
