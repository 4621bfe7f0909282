"""The PyTorch twin and our models: the same functions, the same steps."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

torch = pytest.importorskip("torch", reason="PyTorch is an optional extra")

from mnist_sum_tf import config
from mnist_sum_tf.data import composites, digits
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.torch_bridge import files, state_dicts, work_directories
from mnist_sum_tf.torch_bridge import twin as torch_twin
from mnist_sum_tf.training import losses, optimizers, trained_models

SIZES = [4, 16, 64]


@pytest.fixture(scope="module")
def batch():
    """64 composites, uint8 `[64, 40, 168, 1]`, and their digits."""
    found = digits.load_digits(split="validation")
    images, labels = composites.composite_batch(
        found.images, found.labels, "mixed", 7, 0, 64
    )
    return images.numpy(), labels["digits"].numpy()


def arrays(twin):
    return {key: value.numpy() for key, value in twin.state_dict().items()}


def kaiming(twin, seed=0):
    """Random weights under which the logits are not all but constant."""
    torch.manual_seed(seed)
    for parameter in twin.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_uniform_(parameter, nonlinearity="relu")
    return twin


def largest(first, second) -> float:
    return float(np.abs(np.asarray(first) - np.asarray(second)).max())


def report(record_property, name, value):
    """Shown by `pytest -rP`, kept by `--junitxml`."""
    record_property(name, value)
    print(f"{name}: {value:.3g}")


@pytest.mark.parametrize("base_channels", SIZES)
def test_logits_agree_both_ways(base_channels, batch, record_property):
    images, _ = batch
    twin = kaiming(torch_twin.MNISTDigitModel(base_channels)).eval()
    encoder = build_encoder(base_channels)
    there = state_dicts.state_dict_of(encoder)
    state_dicts.load_into(encoder, arrays(twin))
    with torch.no_grad():
        expected = twin(torch_twin.normalised(images)).numpy()
    assert expected.std() > 0.1
    difference = largest(encoder(images), expected)
    report(record_property, f"from torch, {base_channels}", difference)
    assert difference < 1e-4

    other = torch_twin.MNISTDigitModel(base_channels).eval()
    other.load_state_dict(
        {key: torch.from_numpy(value) for key, value in there.items()}
    )
    with torch.no_grad():
        expected = other(torch_twin.normalised(images)).numpy()
    state_dicts.load_into(encoder, there)
    difference = largest(encoder(images), expected)
    report(record_property, f"to torch, {base_channels}", difference)
    assert difference < 1e-4


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_decoders_agree(scale, record_property):
    torch.manual_seed(1)
    twin, decoder = torch_twin.MNISTSumModel(), build_decoder()
    state_dicts.load_into(decoder, arrays(twin))
    rng = np.random.default_rng(2)
    logits = (scale * rng.normal(size=(64, 4, 10))).astype(np.float32)
    with torch.no_grad():
        expected = twin(torch.from_numpy(logits)).numpy()
    difference = largest(decoder(logits), expected)
    report(record_property, f"decoder, logits times {scale}", difference)
    assert difference < 1e-5


# Keras adds epsilon (1e-7) to the root of the raw second moment, PyTorch (1e-8)
# to that of the corrected one, which in step t is 1 / sqrt(1 - 0.999^t) times as
# large. Multiply Keras' epsilon by this to get what PyTorch calls so in step 1.
EPSILON_FACTOR = (1 - 0.999) ** -0.5
KERAS_EPSILON, TORCH_EPSILON = 1e-7, 1e-8


def step_of_torch(twin, images, labels, epsilon):
    """Loss before and weights after a step, in the twin's own precision."""
    dtype = next(twin.parameters()).dtype
    logits = twin(torch_twin.normalised(images).to(dtype))
    targets = torch.from_numpy(labels).long()
    loss = sum(
        torch.nn.functional.cross_entropy(logits[:, i], targets[:, i])
        for i in range(4)
    )
    optimizer = torch.optim.Adam(twin.parameters(), lr=1e-5, eps=epsilon)
    loss.backward()
    optimizer.step()
    return loss.item(), arrays(twin)


def step_of_keras(encoder, images, labels, epsilon):
    """Likewise."""
    logits = encoder.get_layer("logits").output  # not rounded to float32
    model = keras.Model(encoder.inputs[0], logits)
    with tf.GradientTape() as tape:
        logits = tf.reshape(model(images, training=True), (-1, 4, 10))
        loss = tf.reduce_mean(losses.digit_cross_entropy(labels, logits))
    weights = encoder.trainable_variables
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    optimizer = optimizers.OnePassAdam(1e-5, epsilon=epsilon)
    optimizer.apply(gradients, weights)
    return float(loss), state_dicts.state_dict_of(encoder)


@pytest.mark.parametrize("base_channels", SIZES)
def test_one_step_of_adam_agrees(base_channels, batch, record_property):
    """In float64, under their epsilon: every weight."""
    images, labels = (part[:4] for part in batch)
    twin = kaiming(torch_twin.MNISTDigitModel(base_channels, 0.0)).double()
    encoder = build_encoder(base_channels, dropout_rate=0.0, dtype="float64")
    state_dicts.load_into(encoder, arrays(twin))
    loss, theirs = step_of_torch(twin, images, labels, TORCH_EPSILON)
    our_loss, ours = step_of_keras(
        encoder, images, labels, TORCH_EPSILON / EPSILON_FACTOR
    )
    assert our_loss == pytest.approx(loss, rel=1e-6)
    difference = max(largest(ours[key], theirs[key]) for key in theirs)
    report(record_property, f"Adam in float64, {base_channels}", difference)
    assert difference < 1e-5


@pytest.mark.parametrize("base_channels", [4, 16])
def test_one_step_in_float32_agrees(base_channels, batch, record_property):
    """Under our epsilon: all but a few weights, and not in every run.

    Adam's first step is the learning rate times the gradient's sign, so where
    rounding turns a small gradient round, weights differ by two steps. So do
    PyTorch's own float32 and float64. What turns them is not known; in float64
    (above) none is.
    """
    images, labels = (part[:16] for part in batch)
    twin = kaiming(torch_twin.MNISTDigitModel(base_channels, 0.0))
    encoder = build_encoder(base_channels, dropout_rate=0.0)
    state_dicts.load_into(encoder, arrays(twin))
    loss, theirs = step_of_torch(
        twin, images, labels, KERAS_EPSILON * EPSILON_FACTOR
    )
    our_loss, ours = step_of_keras(encoder, images, labels, KERAS_EPSILON)
    assert our_loss == pytest.approx(loss, rel=1e-5)
    differences = np.concatenate(
        [abs(ours[key] - theirs[key]).ravel() for key in theirs]
    )
    report(record_property, f"Adam, {base_channels}", differences.max())
    assert (differences > 1e-5).mean() < 1e-4
    assert differences.max() < 2.1e-5  # a step there, a step back here


def test_one_step_of_the_decoder_agrees(record_property):
    torch.manual_seed(3)
    twin, decoder = torch_twin.MNISTSumModel(), build_decoder()
    state_dicts.load_into(decoder, arrays(twin))
    labels = np.random.default_rng(4).integers(0, 10, (16, 4))
    one_hot = np.eye(10, dtype=np.float32)[labels]
    sums = labels.sum(axis=1).astype(np.float32)

    optimizer = torch.optim.Adam(twin.parameters(), lr=1e-3)
    predicted = twin(torch.from_numpy(one_hot))
    torch.nn.functional.mse_loss(predicted, torch.from_numpy(sums)).backward()
    optimizer.step()

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(losses.squared_error(sums, decoder(one_hot)))
    weights = decoder.trainable_variables
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    optimizers.OnePassAdam(
        1e-3, epsilon=TORCH_EPSILON / EPSILON_FACTOR
    ).apply(gradients, weights)
    ours, theirs = state_dicts.state_dict_of(decoder), arrays(twin)
    difference = max(largest(ours[key], theirs[key]) for key in theirs)
    report(record_property, "Adam, decoder", difference)
    assert difference < 1e-5


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
        "epoch", "model_state_dict", "optimizer_state_dict", "loss",
    }  # fmt: skip
    other = torch_twin.CombinedModel(2)
    other.load_state_dict(content["model_state_dict"])
    optimizer = torch.optim.Adam(other.parameters(), lr=1.0)
    optimizer.load_state_dict(content["optimizer_state_dict"])
    assert optimizer.param_groups[0]["lr"] == 1e-4
    images = torch.zeros(2, 1, 40, 168)
    other(images)[1].sum().backward()
    optimizer.step()
    with pytest.raises(config.UserError, match="nothing is overwritten"):
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
        ({"other": torch.zeros(2)}, "must hold conv_blocks"),
        ({"fc1.weight": torch.zeros(2)}, r"missing fc1.bias.*misshapen.*\[2\]"),
    ],
)
def test_unusable_files_end_in_one_line(
    content, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(config.UserError, match=message) as error:
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
    with pytest.raises(config.UserError, match="Received: "):
        files.read_state_dict(path)


def test_a_cut_file_is_told(tmp_path):
    path = tmp_path / "x.pth"
    torch.save(torch_twin.MNISTSumModel().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(config.UserError, match="must be a PyTorch checkpoint"):
        files.read_state_dict(path)
