"""Which digits are hard, and how often they come."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.serving.signatures import write_saved_model
from mnist_sum_tf.training import hard_digits, training_data
from mnist_sum_tf.user_errors import UserError

NUM_DIGITS = 40


@pytest.fixture
def digits():
    """Bars that fill their box, shades 100, 105, ...; digit n has label n % 10."""
    images = np.zeros([NUM_DIGITS, 28, 28], np.uint8)
    images[:, 4:24, 8:20] = 100 + np.arange(NUM_DIGITS)[:, None, None] * 3
    return Digits(images, (np.arange(NUM_DIGITS) % 10).astype(np.uint8))


def reader(probabilities):
    """An encoder that reads a bar's number off its shade.

    Args:
        probabilities: `[40, 10]`, what it takes each digit for.
    """
    images = keras.Input(config.IMAGE_SHAPE, dtype="uint8")
    logits = keras.layers.Lambda(
        lambda x: _looked_up(x, np.log(probabilities).astype("float32")),
        output_shape=(4, 10),
    )(images)
    return keras.Model(images, logits)


def _looked_up(images, table):
    ops = keras.ops
    columns = ops.cast(ops.max(images, axis=(1, 3)), "int32")
    number = ops.clip((columns - 98) // 3, 0, NUM_DIGITS - 1)
    # Each bar is one run of columns: where ink begins, the next digit does.
    inked = ops.cast(columns > 0, "int32")
    begins = inked * (1 - ops.pad(inked, [(0, 0), (1, 0)])[:, :-1])
    which = ops.cumsum(begins, axis=1)
    rows = [
        ops.max(ops.where((which == slot) & (inked > 0), number, 0), axis=1)
        for slot in (1, 2, 3, 4)
    ]
    return ops.take(table, ops.stack(rows, axis=1), axis=0)


def certain(wrong: dict) -> np.ndarray:
    """Nearly sure of each label, but `wrong[number]` as is given there."""
    table = np.full([NUM_DIGITS, 10], 0.001)
    table[np.arange(NUM_DIGITS), np.arange(NUM_DIGITS) % 10] = 0.991
    for number, row in wrong.items():
        table[number] = row
    return table


def row(**probabilities):
    """The rest of the ten get 0.001 each, as a class is never impossible."""
    values = np.full(10, 0.001)
    for name, value in probabilities.items():
        values[int(name[1:])] = value
    return values / values.sum()


def test_every_digit_is_read_in_every_layout(digits, monkeypatch):
    monkeypatch.setattr(hard_digits, "LAYOUTS", ("tiled", "separate", "separate"))
    stretched = certain({13: row(_3=0.5, _8=0.5)})
    native = certain({22: row(_2=0.2, _7=0.8)})
    images = keras.Input(config.IMAGE_SHAPE, dtype="uint8")
    # Twenty rows of ink as they are, twenty-five where `tiled` stretches them.
    rows = keras.ops.max(keras.ops.sum(images[..., 0] > 90, axis=1), axis=1)
    answers = keras.ops.where(
        rows[:, None, None] > 22, reader(stretched)(images), reader(native)(images)
    )
    found = hard_digits.read_digits(digits, keras.Model(images, answers))
    np.testing.assert_allclose(found, (stretched + 2 * native) / 3, atol=1e-5)


def test_the_hardest_twentieth_is_found(digits, monkeypatch):
    monkeypatch.setattr(hard_digits, "LAYOUTS", ("tiled",))
    wrong = {
        5: row(_5=0.45, _6=0.55),
        17: row(_7=0.02, _1=0.98),  # looks mislabelled
        28: row(_8=0.30, _3=0.70),
        31: row(_1=0.60, _7=0.40),
    }
    found = hard_digits.hardest_digits(digits, reader(certain(wrong)))
    np.testing.assert_array_equal(found, [5, 28])


def test_the_hardest_come_again(digits):
    found = hard_digits.with_repeats(digits, np.array([5, 28]), 0.24)
    # Five more of each make 12 of 50.
    rows = [*range(NUM_DIGITS), *[5, 28] * 5]
    np.testing.assert_array_equal(found.images, digits.images[rows])
    np.testing.assert_array_equal(found.labels, digits.labels[rows])


@pytest.mark.parametrize("share, repeats", [(0.1, 1), (0.25, 5), (0.5, 18)])
def test_a_share_is_about_met(digits, share, repeats):
    found = hard_digits.with_repeats(digits, np.array([5, 28]), share)
    assert len(found.labels) == NUM_DIGITS + 2 * repeats
    assert (2 + 2 * repeats) / len(found.labels) == pytest.approx(share, abs=0.02)


def test_a_rest_that_makes_no_composite_is_not_hard(digits, monkeypatch):
    monkeypatch.setattr(hard_digits, "LAYOUTS", ("tiled",))
    fewer = Digits(digits.images[:39], digits.labels[:39])
    encoder = reader(certain({}))
    unread = np.flatnonzero(~hard_digits.read_digits(fewer, encoder).any(axis=1))
    assert len(unread) == 3
    found = hard_digits.hardest_digits(fewer, encoder)
    assert len(found) == 1 and found[0] not in unread


def test_nothing_is_hard_to_one_that_reads_nothing(digits, monkeypatch):
    monkeypatch.setattr(hard_digits, "LAYOUTS", ("tiled",))
    with pytest.raises(UserError, match="for 40 of 40"):
        hard_digits.hardest_digits(digits, reader(np.roll(certain({}), 1, axis=1)))


OF = {"initial_model": "m", "digits_digest": "d"}


def write_rows(folder, rows, **changes):
    folder.mkdir(exist_ok=True)
    (folder / "hard_digits.json").write_text(json.dumps(OF | changes | {"rows": rows}))


def test_the_first_to_write_decides(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(hard_digits, "LAYOUTS", ("tiled",))

    def build_encoder():
        write_rows(tmp_path / "W", [3, 4])  # meanwhile
        return reader(certain({}))

    rows = hard_digits.kept_hardest_digits(tmp_path / "W", OF, digits, build_encoder)
    np.testing.assert_array_equal(rows, [3, 4])
    assert [path.name for path in (tmp_path / "W").iterdir()] == ["hard_digits.json"]


@pytest.mark.parametrize("rows", [[], [40], [-1], [0.5], [True], [[1]], 7, None, "12"])
def test_other_rows_are_reported(digits, tmp_path, rows):
    write_rows(tmp_path, rows)
    with pytest.raises(UserError, match="numbers of digits below 40"):
        hard_digits.kept_hardest_digits(tmp_path, OF, digits, None)


def test_another_experiments_rows_are_reported(digits, tmp_path):
    write_rows(tmp_path, [3], initial_model="n")
    with pytest.raises(UserError, match="initial_model was 'n', is now 'm'"):
        hard_digits.kept_hardest_digits(tmp_path, OF, digits, None)


def test_rows_that_a_run_began_with_are_missed(digits, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="Received: no such file"):
        hard_digits.kept_hardest_digits(tmp_path, OF, digits, None)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def hard_settings(digits_file, initial_model):
    return config.Config(
        stage="encoder", objective="digits", global_batch_size=8,
        initial_model=str(initial_model),
        data=config.DataConfig(
            digits=str(digits_file), layout="tiled", validates_all_layouts=False,
            hard_share=0.5,
        ),
    )  # fmt: skip


def test_a_run_goes_on_with_the_digits_it_began_with(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, [48, 28, 28], np.uint8)
    labels = (np.arange(48) % 10).astype(np.uint8)
    digits_file = tmp_path / "digits.npz"
    np.savez(digits_file, x_train=images, y_train=labels, x_test=images[:40], y_test=labels[:40])
    model = build_sum_model(build_encoder(block_channels=(2, 3, 2, 3, 2)), build_decoder())
    write_saved_model(model, tmp_path / "model")
    settings = hard_settings(digits_file, tmp_path / "model")
    begun = training_data.image_data(settings, True, tmp_path / "W")
    hardest = json.loads((tmp_path / "W" / "hard_digits.json").read_text())["rows"]
    assert len(hardest) == 2 and hardest == sorted(hardest)
    monkeypatch.setattr(training_data, "encoder_of", None)  # never again
    resumed = training_data.image_data(settings, True, tmp_path / "W")
    assert begun["data_digest"] == resumed["data_digest"]
    batch, again = (next(iter(data["train_data"](7)))[0] for data in (begun, resumed))
    np.testing.assert_array_equal(batch, again)
    alike = dataclasses.replace(settings, data=dataclasses.replace(settings.data, hard_share=0.0))
    others = training_data.image_data(alike, True)
    assert begun["data_digest"] != others["data_digest"]
    assert (batch != next(iter(others["train_data"](7)))[0]).numpy().any()


@pytest.mark.parametrize("share", [0.02, 0.099, 0.51, 1.0, -1.0, float("nan")])
def test_a_share_that_cannot_be_is_reported_before_anything_is_read(share, tmp_path):
    settings = hard_settings("bundled", "no model")
    data = dataclasses.replace(settings.data, hard_share=share)
    settings = dataclasses.replace(settings, data=data)
    with pytest.raises(UserError, match=f"0, or 0.1 to 0.5.*Received: {share}"):
        training_data.image_data(settings, True, tmp_path)


def test_a_model_must_say_what_is_hard():
    data = config.DataConfig(hard_share=0.25)
    settings = config.Config(stage="encoder", objective="digits", data=data)
    with pytest.raises(UserError, match="Received: 0.25 alone"):
        training_data.image_data(settings, needs_digits=True)
