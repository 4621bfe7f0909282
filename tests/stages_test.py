"""The three trainings, one after the other, small; then the loaded model."""

import dataclasses
import json
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from mnist_sum_tf import config, evaluation, evaluation_data, evaluation_tables
from mnist_sum_tf.data import datasets, labelled_images
from mnist_sum_tf.models.encoder import channels_of
from mnist_sum_tf.models.nested_layers import innermost_layers
from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.training import stages, starting_models, trained_models, training_data
from mnist_sum_tf.training.checkpoints import latest_checkpoint, load_average
from mnist_sum_tf.user_errors import UserError


@pytest.fixture(scope="module")
def digits_file(tmp_path_factory):
    """A person's own digits: 60 to train on, 40 to test on."""
    rng = np.random.default_rng(0)

    def boxes(count):
        images = np.zeros((count, 28, 28), np.uint8)
        for number, image in enumerate(images):
            image[4:24, 5 : 7 + number % 10] = rng.integers(150, 256)
        return images, (np.arange(count) % 10).astype(np.uint8)

    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    (x_train, y_train), (x_test, y_test) = boxes(240), boxes(40)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return str(path)


def small(stage, digits_file, **changes):
    preset = get_preset("compact", stage)
    return dataclasses.replace(
        preset,
        total_steps=2,
        global_batch_size=4,
        precision="float32",
        evaluate_every_steps=2,
        checkpoint_every_steps=2,
        data=dataclasses.replace(preset.data, digits=digits_file),
        model=dataclasses.replace(preset.model, base_channels=2),
        **changes,
    )


def small_tiled(stage, digits_file, **changes):
    """One layout, which is composed sooner than all of them."""
    settings = small(stage, digits_file, **changes)
    data = dataclasses.replace(
        settings.data, layout="tiled", validates_all_layouts=False
    )
    return dataclasses.replace(settings, data=data)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, digits_file):
    """A work directory with an encoder and a decoder."""
    workdir = tmp_path_factory.mktemp("experiment")
    row = stages.train_encoder(small("encoder", digits_file), workdir)
    assert row["step"] == 2 and np.isfinite(row["loss"])
    assert {
        f"{layout}/sum_accuracy" for layout in training_data.VALIDATION_LAYOUTS
    } <= (row.keys())
    row = stages.train_decoder(small("decoder", digits_file), workdir)
    assert row["all_combinations/sum_mse"] > 0
    return workdir


def test_encoder_and_decoder_are_put_together(workdir):
    model = trained_models.load_sum_model(workdir)
    assert model.get_layer("encoder").get_layer("block1_conv1").filters == 2
    assert {weight.dtype for weight in model.weights} == {"float32"}


def names_of(model) -> set[str]:
    return {layer.name for layer in innermost_layers(model)}


def test_what_learned_normalised_is_evaluated_plain(workdir):
    stage_dir = workdir / "encoder"
    normalized = trained_models.untrained_encoder_of(stage_dir)
    load_average(normalized, stage_dir)
    assert "hidden_norm" in names_of(normalized)
    plain = trained_models.load_sum_model(workdir).get_layer("encoder")
    assert "hidden_norm" not in names_of(plain)
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 168, 1), np.uint8)
    np.testing.assert_allclose(plain(images), normalized(images), rtol=1e-3, atol=1e-3)


def test_a_sum_model_from_scratch_learns_normalised(tmp_path, digits_file):
    row = stages.train_end_to_end(small_tiled("sum_model", digits_file), tmp_path)
    assert "tiled/sum_accuracy" in row
    trained = trained_models.untrained_encoder_of(tmp_path / "sum_model")
    assert "hidden_norm" in names_of(trained)
    model = trained_models.load_sum_model(tmp_path)
    assert "hidden_norm" not in names_of(model)


def test_an_initial_model_named_in_vain_is_reported(workdir, digits_file, caplog):
    settings = small_tiled("sum_model", digits_file, initial_model="none")
    settings = stages._with_plain_layers(settings)
    starting_models.starting_sum_model(settings, workdir, None, "float32")
    message = f"from the encoder and the decoder of {workdir}, not .*=none"
    assert re.search(message, caplog.text)


def test_another_size_than_the_trained_encoders_is_reported(workdir, digits_file):
    settings = small("sum_model", digits_file)
    settings = dataclasses.replace(
        settings, model=dataclasses.replace(settings.model, base_channels=3)
    )
    with pytest.raises(UserError, match="encoder, 2,4,8,16,32. Received: 3,6,12,24,48"):
        starting_models.starting_sum_model(settings, workdir, None, "float32")


def with_dropout(settings, dropout_rate):
    model = dataclasses.replace(settings.model, dropout_rate=dropout_rate)
    return dataclasses.replace(settings, model=model)


def test_the_end_to_end_run_says_how_much_is_dropped(workdir, digits_file):
    settings = with_dropout(small_tiled("sum_model", digits_file), 0.25)
    train_data = training_data.image_data(settings, needs_digits=False)["train_data"]
    start = starting_models.starting_sum_model(settings, workdir, train_data, "float32")
    layers = start.get_layer("encoder").layers
    rates = {layer.rate for layer in layers if layer.name.endswith("_dropout")}
    assert rates == {0.25}


def test_end_to_end_drops_where_the_encoder_alone_did_not(tmp_path, digits_file):
    settings = small_tiled("encoder", digits_file)
    stages.train_encoder(with_dropout(settings, 0.0), tmp_path)
    for total_steps in (2, 3):
        settings = with_dropout(small_tiled("sum_model", digits_file), 0.25)
        settings = dataclasses.replace(settings, total_steps=total_steps)
        assert stages.train_end_to_end(settings, tmp_path)["step"] == total_steps
    path = latest_checkpoint(tmp_path / "sum_model")
    names = [name for name, _ in tf.train.list_variables(path)]
    assert sum(name.startswith("seeds/") for name in names) == 6


def test_widths_of_blocks_go_on(tmp_path, digits_file):
    settings = small_tiled("encoder", digits_file)
    size = config.ModelConfig(block_channels=(2, 3, 2, 3, 2), normalized=True)
    settings = dataclasses.replace(settings, model=size)
    for total_steps in (2, 3):
        settings = dataclasses.replace(settings, total_steps=total_steps)
        assert stages.train_encoder(settings, tmp_path)["step"] == total_steps
    trained = trained_models.load_encoder(tmp_path / "encoder")
    assert channels_of(trained) == (2, 3, 2, 3, 2)
    preset = config.ModelConfig(dropout_rate=0.5)
    assert trained_models.size_of_trained(preset, tmp_path / "encoder") == (
        config.ModelConfig(2, (2, 3, 2, 3, 2), dropout_rate=0.5)
    )


def test_end_to_end_starts_from_encoder_and_decoder(workdir, digits_file):
    apart = trained_models.load_sum_model(workdir)
    settings = small_tiled("sum_model", digits_file)
    train_data = training_data.image_data(settings, needs_digits=False)["train_data"]
    start = starting_models.starting_sum_model(settings, workdir, train_data, "float32")
    assert "hidden_norm" in names_of(start)
    images, _ = next(iter(train_data(1)))
    np.testing.assert_allclose(
        apart(images)["sum_probabilities"],
        start(images)["sum_probabilities"],
        rtol=1e-3,
        atol=1e-5,
    )
    plain = stages._with_plain_layers(settings)
    start = starting_models.starting_sum_model(plain, workdir, train_data, "float32")
    for first, second in zip(apart.weights, start.weights):
        np.testing.assert_array_equal(first, second)
    frozen = small_tiled(
        "sum_model", digits_file, objective="regression", train_encoder=False
    )
    stages.train_end_to_end(frozen, workdir)
    settings = json.loads((workdir / "sum_model" / "config.json").read_text())
    assert not settings["model"]["normalized"]
    trained = trained_models.load_sum_model(workdir)
    for part, changed in (("encoder", False), ("decoder", True)):
        before = apart.get_layer(part).get_weights()
        after = trained.get_layer(part).get_weights()
        same = all((a == b).all() for a, b in zip(before, after))
        assert same is not changed, part


@pytest.mark.parametrize("objective", ["distribution", "regression"])
def test_sums_alone_are_enough(tmp_path, objective, digits_file, caplog):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (20, 40, 168), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "sums.npy", rng.integers(0, 37, 20))
    settings = small("sum_model", digits_file, objective=objective)
    settings = dataclasses.replace(
        settings,
        data=config.DataConfig(
            images=str(tmp_path / "images.npy"), sums=str(tmp_path / "sums.npy")
        ),
    )
    row = stages.train_end_to_end(settings, tmp_path)
    stays_random = "the decoder is random and does not learn" in caplog.text
    assert stays_random == (objective == "distribution")
    assert "validation/sum_accuracy" in row
    assert "validation/digit_accuracy" not in row
    assert latest_checkpoint(tmp_path / "sum_model").endswith("ckpt-2")


@pytest.mark.parametrize("stage", ["encoder", "sum_model"])
def test_one_image_at_a_time_is_not_normalised(stage, tmp_path, digits_file):
    """Its mean is itself: the layers before would learn nothing."""
    settings = small_tiled(stage, digits_file)
    settings = dataclasses.replace(settings, global_batch_size=1)
    train = {"encoder": stages.train_encoder, "sum_model": stages.train_end_to_end}
    with pytest.raises(UserError, match="--global_batch_size must be at least 2"):
        train[stage](settings, tmp_path)


def test_an_encoder_needs_digit_labels(tmp_path, digits_file):
    np.save(tmp_path / "images.npy", np.zeros((10, 40, 168), np.uint8))
    np.save(tmp_path / "sums.npy", np.zeros(10, int))
    settings = dataclasses.replace(
        small("encoder", digits_file),
        data=config.DataConfig(
            images=str(tmp_path / "images.npy"), sums=str(tmp_path / "sums.npy")
        ),
    )
    with pytest.raises(UserError, match="must have digit labels"):
        stages.train_encoder(settings, tmp_path)


def test_an_encoder_goes_on_with_the_same_digits_alone(tmp_path, digits_file):
    """Their sums and places in the order are what they were."""
    random = np.random.default_rng(0)
    (tmp_path / "pngs").mkdir()
    for number in range(10):
        image = Image.fromarray(random.integers(0, 99, (40, 168), np.uint8))
        image.save(tmp_path / "pngs" / f"042{number}.png")
    settings = dataclasses.replace(
        small("encoder", digits_file),
        data=config.DataConfig(images=str(tmp_path / "pngs")),
    )
    stages.train_encoder(settings, tmp_path)
    (tmp_path / "pngs" / "0420.png").rename(tmp_path / "pngs" / "0402.png")
    with pytest.raises(UserError, match="digits_digest"):
        stages.train_encoder(settings, tmp_path)


def test_an_empty_work_directory_is_named(tmp_path):
    with pytest.raises(UserError, match="without encoder and decoder"):
        trained_models.load_sum_model(tmp_path)


def test_evaluation_agrees_with_counting(workdir, digits_file, tmp_path, capsys):
    model = trained_models.load_sum_model(workdir)
    data = config.DataConfig(digits=digits_file)
    chosen = evaluation_data.choose_datasets(["tiled", "mixed"], data)
    report = evaluation.evaluate_and_report(model, chosen, tmp_path / "out")
    images, labels = next(iter(chosen["tiled"]))
    outputs = model(images)
    read = np.argmax(outputs["digit_probabilities"], axis=-1)
    result = report["results"]["tiled"]
    assert result["num_images"] == 10
    assert result["digit_accuracy"] == pytest.approx(
        (read == labels["digits"].numpy()).mean()
    )
    errors = labels["sum"].numpy() - outputs["sum"].numpy()
    assert result["sum_mse"] == pytest.approx((errors**2).mean(), rel=1e-4)
    assert result["sum_mae"] == pytest.approx(abs(errors).mean(), rel=1e-4)
    agreement = report["slots"]["tiled"]["agreement"]
    assert np.trace(agreement) / 4 == pytest.approx(result["digit_accuracy"], abs=1e-5)
    assert report["samples"][0]["actual"] == labels["sum"][0]
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert written == report
    printed = capsys.readouterr().out
    assert "tiled" in printed and "Actual" in printed


def test_evaluation_of_images_with_sums_only(workdir, tmp_path):
    rng = np.random.default_rng(2)
    np.save(tmp_path / "x.npy", rng.integers(0, 256, (7, 40, 168), dtype=np.uint8))
    np.save(tmp_path / "y.npy", np.arange(7))
    labelled = labelled_images.read_labelled_images(
        str(tmp_path / "x.npy"), str(tmp_path / "y.npy")
    )
    results = evaluation.evaluate_model(
        trained_models.load_sum_model(workdir),
        {"mine": datasets.once_dataset(labelled, 4)},
    )
    assert results["mine"]["num_images"] == 7
    assert "digit_accuracy" not in results["mine"]
    assert evaluation_tables.format_table(results).splitlines()[1].split()[2] == "-"
