"""The original's names and shapes, without PyTorch."""

import sys

import numpy as np
import pytest
from random_states import random_state

from mnist_sum_tf import config
from mnist_sum_tf.data import composites
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.torch_bridge import files, shapes, state_dicts
from mnist_sum_tf.user_errors import UserError

ORIGINAL_STAGES = ("encoder", "decoder", "sum_model")


def convolution(x, weight, bias):
    """3x3, same, `[n, c, h, w]`, as PyTorch defines it."""
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    sums = np.einsum("nchwij,ocij->nohw", windows, weight, optimize=True)
    return sums + bias[:, None, None]


def max_pool(x):
    n, c, h, w = x.shape
    x = x[:, :, : h // 2 * 2, : w // 2 * 2]
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


def original_encoder(state, images):
    """The described network in NumPy, channels first."""

    def parameters(key):
        return state[f"{key}.weight"], state[f"{key}.bias"]

    x = (images.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5
    for block in range(5):
        for part in (0, 2):
            key = f"conv_blocks.{block}.{part}"
            x = np.maximum(convolution(x, *parameters(key)), 0)
        x = max_pool(x)
    weight, bias = parameters("fc.1")
    x = np.maximum(x.reshape(len(x), -1) @ weight.T + bias, 0)
    weight, bias = parameters("fc.4")
    return (x @ weight.T + bias).reshape(-1, 4, 10)


def original_decoder(state, logits):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    x = (e / e.sum(-1, keepdims=True)).reshape(-1, 40)
    for key in ("fc1", "fc22", "fc2"):
        x = np.maximum(x @ state[f"{key}.weight"].T + state[f"{key}.bias"], 0)
    return (x @ state["fc3.weight"].T + state["fc3.bias"])[:, 0]


@pytest.mark.parametrize(
    "channels", [(1, 2, 4, 8, 16), (3, 6, 12, 24, 48), (2, 5, 3, 7, 4)]
)
def test_encoder_gives_the_original_logits(channels, digit_images, digit_labels):
    state = random_state("encoder", channels)
    encoder = build_encoder(block_channels=channels)
    state_dicts.load_into(encoder, state)
    images, _ = composites.composite_batch(digit_images, digit_labels, "tiled", 0, 0, 4)
    expected = original_encoder(state, images.numpy())
    assert expected.std() > 0.1
    np.testing.assert_allclose(encoder(images), expected, atol=1e-4)


def test_decoder_gives_the_original_sums():
    state = random_state("decoder")
    decoder = build_decoder()
    state_dicts.load_into(decoder, state)
    logits = np.random.default_rng(1).normal(size=(8, 4, 10)).astype("float32")
    expected = original_decoder(state, logits)
    assert expected.std() > 0.01
    np.testing.assert_allclose(decoder(logits), expected, atol=1e-5)


@pytest.mark.parametrize("stage", ORIGINAL_STAGES)
def test_there_and_back_is_the_same(stage):
    state = random_state(stage)
    encoder, decoder = build_encoder(2), build_decoder()
    models = {
        "encoder": encoder,
        "decoder": decoder,
        "sum_model": build_sum_model(encoder, decoder),
    }
    state_dicts.load_into(models[stage], state)
    back = state_dicts.state_dict_of(models[stage])
    assert list(back) == list(state)
    for key in state:
        np.testing.assert_array_equal(back[key], state[key], err_msg=key)
        assert back[key].dtype == np.float32


def test_flatten_order_is_permuted():
    """Channel c of column x is input 5 c + x there, C x + c here."""
    weight = np.arange(20, dtype=np.float32).reshape(2, 10)
    kernel = state_dicts._kernel_from_torch("fc.1", weight)
    assert kernel.shape == (10, 2)
    np.testing.assert_array_equal(kernel[:, 0], [0, 5, 1, 6, 2, 7, 3, 8, 4, 9])
    np.testing.assert_array_equal(
        state_dicts._kernel_to_torch("digit_model.fc.1", kernel), weight
    )


def test_names_and_size_of_the_original():
    expected = shapes.expected_shapes("encoder", config.doubled_channels(64))
    assert sum(int(np.prod(shape)) for shape in expected.values()) == 21_484_520
    assert expected["conv_blocks.4.2.weight"] == (1024, 1024, 3, 3)
    assert expected["fc.1.weight"] == (512, 5120)
    assert list(shapes.expected_shapes("decoder", None))[::2] == [
        "fc1.weight",
        "fc22.weight",
        "fc2.weight",
        "fc3.weight",
    ]
    both = list(shapes.expected_shapes("sum_model", (1, 2, 4, 8, 16)))
    assert both[0] == "digit_model.conv_blocks.0.0.weight"
    assert both[-1] == "sum_model.fc3.bias"


def test_the_start_is_that_of_pytorch():
    state = state_dicts.initial_state("decoder", None, 0)
    assert list(state) == list(shapes.expected_shapes("decoder", None))
    for key, inputs in (("fc1", 40), ("fc22", 64), ("fc2", 128), ("fc3", 64)):
        largest = np.abs(state[f"{key}.weight"]).max()
        assert 0.9 * inputs**-0.5 < largest <= inputs**-0.5
        largest = np.abs(state[f"{key}.bias"]).max()
        few = len(state[f"{key}.bias"]) == 1
        assert (0 if few else 0.9) * inputs**-0.5 < largest <= inputs**-0.5
    other = state_dicts.initial_state("decoder", None, 1)
    assert (other["fc1.weight"] != state["fc1.weight"]).all()


@pytest.mark.parametrize("stage", ORIGINAL_STAGES)
def test_stage_and_size_show_in_the_tensors(stage):
    channels = (3, 5, 4, 9, 2)
    state = random_state(stage, channels)
    assert state_dicts.stage_of(state, "x") == stage
    size = None if stage == "decoder" else channels
    assert state_dicts.check(state, stage, "x") == size


def test_wrong_tensors_are_named():
    state = random_state("encoder", (2, 4, 8, 16, 32))
    del state["fc.4.bias"]
    state["fc.7.weight"] = state.pop("conv_blocks.1.2.weight")
    state["conv_blocks.0.0.bias"] = np.zeros(5, np.float32)
    with pytest.raises(UserError) as error:
        state_dicts.check(state, "encoder", "x.pth")
    assert str(error.value) == (
        "x.pth must hold the tensors of the original's encoder of "
        "2,4,8,16,32 channels. Received: missing conv_blocks.1.2.weight, fc.4.bias; "
        "surplus fc.7.weight; "
        "misshapen conv_blocks.0.0.bias [5] in place of [2]"
    )


@pytest.mark.parametrize("block", [0, 2, 4])
def test_an_absent_block_is_all_that_is_missed(block):
    channels = (3, 5, 4, 9, 2)
    state = {
        key: array
        for key, array in random_state("encoder", channels).items()
        if f"blocks.{block}." not in key
    }
    assert shapes.voted_channels(state, "encoder") == channels
    names = [f"conv_blocks.{block}.{part}" for part in (0, 2)]
    missing = [f"{name}.{what}" for name in names for what in ("weight", "bias")]
    with pytest.raises(UserError) as error:
        state_dicts.check(state, "encoder", "x")
    assert str(error.value).endswith(f"Received: missing {', '.join(missing)}")


def test_neighbours_tell_the_channels_of_an_absent_block():
    channels = (3, 5, 4, 9, 2)
    state = random_state("encoder", channels)
    known = {key: array for key, array in state.items() if ".4." not in key}
    assert (
        shapes.voted_channels(known | {"conv_blocks.4.0.bias": 0}, "encoder")
        == channels
    )
    del known["fc.1.weight"]
    assert shapes.voted_channels(known, "encoder") == (3, 5, 4, 9, 18)
    last = {key: array for key, array in state.items() if ".3." in key}
    assert shapes.voted_channels(last, "encoder") == (1, 2, 4, 9, 18)
    last = {key: array for key, array in state.items() if ".3.2." in key}
    assert shapes.voted_channels(last, "encoder") == (1, 2, 4, 9, 18)


def test_empty_tensors_have_no_vote():
    state = random_state("encoder", (2, 4, 8, 16, 32))
    for key in state:
        if key.startswith("conv_blocks.1."):
            state[key] = np.zeros([0] * state[key].ndim, np.float32)
    assert shapes.voted_channels(state, "encoder") == (2, 4, 8, 16, 32)


@pytest.mark.parametrize("state", [{}, {"a.weight": 1, 3: 2}])
def test_something_else_is_reported(state):
    with pytest.raises(UserError, match="x.pth must hold conv_blocks"):
        state_dicts.stage_of(state, "x.pth")


def test_a_half_sum_model_is_reported():
    state = {
        f"digit_model.{key}": array for key, array in random_state("encoder").items()
    }
    assert state_dicts.stage_of(state, "x") == "sum_model"
    with pytest.raises(UserError, match="missing sum_model.fc1.weight"):
        state_dicts.check(state, "sum_model", "x")


def test_missing_pytorch_is_reported(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match=r"pip install -e '.\[torch\]'"):
        files.read_state_dict(tmp_path / "x.pth")
