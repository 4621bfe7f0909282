"""PyTorch checkpoints become work directories, and come back."""

import dataclasses

import numpy as np
import pytest
from torch_twins import arrays, batch, kaiming, largest, torch

from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.torch_bridge import files, work_directories
from mnist_sum_tf.torch_bridge import twin as torch_twin
from mnist_sum_tf.training import trained_models
from mnist_sum_tf.user_errors import UserError


def save_as_the_original(path, twin, stage):
    state = twin.state_dict()
    if stage != "decoder":
        optimizer = torch.optim.Adam(twin.parameters(), lr=1e-5)
        state = {
            "epoch": 620,
            "model_state_dict": state,
            "optimizer_state_dict": optimizer.state_dict(),
            "loss": 0.25,
        }
    torch.save(state, path)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A combined twin, its file, and the work directory made of it."""
    folder = tmp_path_factory.mktemp("converted")
    twin = kaiming(torch_twin.CombinedModel(2)).eval()
    save_as_the_original(folder / "both.pth", twin, "sum_model")
    settings = work_directories.convert_from_torch(
        folder / "both.pth", folder / "W", settings_of
    )
    assert settings.model.base_channels == 2
    return twin, folder / "W"


@pytest.mark.parametrize("channels", [(3, 5, 4, 9, 2), (4, 8, 16, 32, 64)])
def test_an_encoder_of_other_widths_goes_there_and_back(channels, batch, tmp_path):
    twin = kaiming(torch_twin.MNISTDigitModel(block_channels=channels)).eval()
    save_as_the_original(tmp_path / "there.pth", twin, "encoder")
    settings = work_directories.convert_from_torch(
        tmp_path / "there.pth", tmp_path / "W", settings_of
    )
    assert settings.model.channels == channels
    assert (settings.model.block_channels is None) == (channels[0] == 4)
    work_directories.convert_to_torch(tmp_path / "back.pth", tmp_path / "W", "encoder")
    back = files.read_state_dict(tmp_path / "back.pth")
    for key, value in files.read_state_dict(tmp_path / "there.pth").items():
        np.testing.assert_array_equal(back[key], value)
    encoder = trained_models.load_encoder(tmp_path / "W" / "encoder")
    with torch.no_grad():
        expected = twin(torch_twin.normalised(batch[0]))
    np.testing.assert_allclose(encoder(batch[0]), expected, atol=1e-4)


def settings_of(stage):
    return dataclasses.replace(
        get_preset("original", stage), total_steps=2, precision="float32"
    )


def test_a_converted_sum_model_is_the_twin(converted, batch):
    twin, workdir = converted
    images = batch[0][:8]
    found = trained_models.load_sum_model(workdir)(images)
    with torch.no_grad():
        logits, sums = twin(torch_twin.normalised(images))
    assert largest(found["digit_logits"], logits) < 1e-4
    assert largest(found["sum"], sums) < 1e-4


@pytest.mark.parametrize("stage", ["encoder", "decoder"])
def test_parts_make_a_sum_model_and_come_back(stage, converted, tmp_path):
    twin, _ = converted
    parts = {"encoder": twin.digit_model, "decoder": twin.sum_model}
    for part, model in parts.items():
        save_as_the_original(tmp_path / f"{part}.pth", model, part)
        work_directories.convert_from_torch(
            tmp_path / f"{part}.pth", tmp_path / "W", settings_of
        )
    trained_models.load_sum_model(tmp_path / "W")
    back = tmp_path / "back.pth"
    work_directories.convert_to_torch(back, tmp_path / "W", stage)
    content = torch.load(back, weights_only=True)
    state = content if stage == "decoder" else content["model_state_dict"]
    parts[stage].load_state_dict(state)  # strict: every key, no other
    for key, value in arrays(parts[stage]).items():
        np.testing.assert_array_equal(state[key], value)


def test_the_original_resumes_from_ours(converted, tmp_path):
    twin, workdir = converted
    path = tmp_path / "both.pth"
    assert work_directories.convert_to_torch(path, workdir) == "sum_model"
    content = torch.load(path, weights_only=True)
    assert content.keys() == {
        "epoch",
        "model_state_dict",
        "optimizer_state_dict",
        "loss",
    }
    other = torch_twin.CombinedModel(2)
    other.load_state_dict(content["model_state_dict"])
    optimizer = torch.optim.Adam(other.parameters(), lr=1.0)
    optimizer.load_state_dict(content["optimizer_state_dict"])
    assert optimizer.param_groups[0]["lr"] == 1e-4
    images = torch.zeros(2, 1, 40, 168)
    other(images)[1].sum().backward()
    optimizer.step()
    with pytest.raises(UserError, match="nothing is overwritten"):
        work_directories.convert_to_torch(path, workdir)


class Danger:
    def __reduce__(self):
        return (open, ("made_by_unpickling", "w"))


@pytest.mark.parametrize(
    "content, message",
    [
        ({"fc1.weight": Danger()}, "plain values"),
        ([1, 2], "must hold a state dict. Received: list"),
        ({"model_state_dict": 3}, "must hold a state dict. Received: int"),
        ({"fc1.weight": "text"}, "fc1.weight must be a tensor of floats"),
        ({"fc1.weight": torch.zeros(2, dtype=torch.int64)}, "torch.int64"),
        ({"fc1.weight": torch.tensor([np.nan])}, "must be finite"),
        ({"fc1.weight": torch.zeros(2, device="meta")}, "tensor of floats.*meta"),
        ({"fc1.a\nb": torch.zeros(2)}, r"surplus fc1.a\\nb"),
        ({"other": torch.zeros(2)}, "must hold conv_blocks"),
        ({"fc1.weight": torch.zeros(2)}, r"missing fc1.bias.*misshapen.*\[2\]"),
    ],
)
def test_unusable_files_end_in_one_line(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(UserError, match=message) as error:
        work_directories.convert_from_torch(
            tmp_path / "x.pth", tmp_path / "W", settings_of
        )
    assert "\n" not in str(error.value) and "Received: " in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_files_that_are_no_checkpoint(content, tmp_path):
    path = tmp_path / "x.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match="Received: "):
        files.read_state_dict(path)


@pytest.mark.parametrize("name", ["x.pth/y.pth", 255 * "x"])
def test_a_place_that_cannot_be_written_is_reported(name, tmp_path):
    (tmp_path / "x.pth").touch()
    with pytest.raises(UserError, match="can be written. Received: "):
        files.write_checkpoint(tmp_path / name, {}, "decoder", 1e-3)


def test_a_cut_file_is_reported(tmp_path):
    path = tmp_path / "x.pth"
    torch.save(torch_twin.MNISTSumModel().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(UserError, match="must be a PyTorch checkpoint"):
        files.read_state_dict(path)
