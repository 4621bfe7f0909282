"""An encoder learns what another model says, in place of labels."""

import dataclasses
import shutil

import numpy as np
import pytest
from small_runs import assert_same_values, final_values
from stages_test import digits_file

from mnist_sum_tf import config
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.presets import get_preset
from mnist_sum_tf.training import stages, training_data
from mnist_sum_tf.training.initial_weights import short_name
from mnist_sum_tf.training.teachers import Teachers
from mnist_sum_tf.user_errors import UserError


@pytest.fixture(scope="module")
def taught_by(tmp_path_factory):
    """A small encoder, and the file of its layers."""
    encoder = build_encoder(base_channels=3)
    rng = np.random.default_rng(0)
    for variable in encoder.trainable_variables:
        variable.assign_add(rng.normal(scale=0.1, size=variable.shape))
    path = tmp_path_factory.mktemp("teacher") / "encoder.npz"
    np.savez(path, **{short_name(each): each for each in encoder.trainable_variables})
    return encoder, str(path)


@pytest.fixture
def settings(digits_file, taught_by):
    preset = get_preset("compact", "encoder")
    return dataclasses.replace(
        preset,
        total_steps=4,
        global_batch_size=8,
        precision="float32",
        checkpoint_every_steps=2,
        evaluate_every_steps=4,
        teacher=taught_by[1],
        data=dataclasses.replace(
            preset.data, digits=digits_file, validates_all_layouts=False
        ),
        model=config.ModelConfig(base_channels=2, normalized=True),
        optimizer=config.OptimizerConfig(schedule="constant"),
    )


def test_the_loss_is_the_cross_entropy_of_what_the_teacher_says(settings, taught_by):
    teacher = Teachers(settings)
    teacher.build("float32")
    rng = np.random.default_rng(1)
    clean = rng.integers(0, 256, (3, 40, 168, 1), dtype=np.uint8)
    logits = rng.normal(size=(3, 4, 10)).astype(np.float32)
    found = teacher.loss({"clean": clean, "digits": None}, logits)
    said = taught_by[0](clean, training=False).numpy()
    odds = np.exp(said - said.max(axis=-1, keepdims=True))
    targets = odds / odds.sum(axis=-1, keepdims=True)
    surprise = np.log(np.exp(logits).sum(axis=-1, keepdims=True)) - logits
    np.testing.assert_allclose(found, (targets * surprise).sum((1, 2)), rtol=1e-4)
    assert found.shape == (3,)


def test_of_several_teachers_the_mean_is_learned(settings, taught_by, tmp_path):
    other = build_encoder(base_channels=2)
    rng = np.random.default_rng(2)
    for variable in other.trainable_variables:
        variable.assign_add(rng.normal(scale=0.1, size=variable.shape))
    path = tmp_path / "other.npz"
    np.savez(path, **{short_name(each): each for each in other.trainable_variables})
    both = Teachers(dataclasses.replace(settings, teacher=f"{taught_by[1]},{path}"))
    alone = [
        Teachers(dataclasses.replace(settings, teacher=each))
        for each in (taught_by[1], str(path))
    ]
    assert len({both.digest, *(each.digest for each in alone)}) == 3
    labels = {"clean": rng.integers(0, 256, (3, 40, 168, 1), dtype=np.uint8)}
    logits = rng.normal(size=(3, 4, 10)).astype(np.float32)
    for each in (both, *alone):
        each.build("float32")
    first, second = (each.loss(labels, logits).numpy() for each in alone)
    assert abs(first - second).min() > 0.1
    # The loss is linear in its targets.
    np.testing.assert_allclose(
        both.loss(labels, logits), (first + second) / 2, rtol=1e-5
    )


def test_a_path_may_have_a_comma_in_it(settings, taught_by, tmp_path):
    path = tmp_path / "a,b.npz"
    shutil.copy(taught_by[1], path)
    one = Teachers(dataclasses.replace(settings, teacher=path))
    assert one.digest == Teachers(settings).digest


@pytest.mark.parametrize("teacher", ["t,", ",", "a,,b"])
def test_a_part_must_not_be_missing(settings, teacher):
    with pytest.raises(UserError, match=f"commas between. Received: '{teacher}'"):
        Teachers(dataclasses.replace(settings, teacher=teacher))


def test_what_was_not_built_is_no_teacher(settings):
    with pytest.raises(RuntimeError, match="must be called before"):
        Teachers(settings).loss({"clean": None}, None)


def test_without_a_teacher_labels_teach(settings):
    teacher = Teachers(dataclasses.replace(settings, teacher=None))
    teacher.build("float32")
    # Even chances for each of four digits.
    found = teacher.loss({"digits": np.zeros([2, 4], np.int32)}, np.zeros([2, 4, 10]))
    np.testing.assert_allclose(found, [4 * np.log(10)] * 2, rtol=1e-6)


def test_targets_stand_for_labels(settings):
    teacher = Teachers(dataclasses.replace(settings, teacher=None))
    targets = np.zeros([1, 4, 10], "float32")
    targets[..., 3], targets[..., 5] = 0.75, 0.25
    logits = np.zeros([1, 4, 10], "float32")
    logits[..., 3] = np.log(9.0)  # 3 has a half, each other digit an eighteenth
    labels = {"digits": np.full([1, 4], 3), "digit_targets": targets}
    expected = 4 * (0.75 * np.log(2) + 0.25 * np.log(18))
    np.testing.assert_allclose(teacher.loss(labels, logits), [expected], rtol=1e-6)


def test_blended_digits_are_for_the_encoder_and_composites(settings, tmp_path):
    blended = dataclasses.replace(settings.data, mixup_share=0.5)
    settings = dataclasses.replace(settings, teacher=None, data=blended)
    with pytest.raises(UserError, match="learns digits.*=0.5 for the stage sum_model$"):
        stages.train_end_to_end(
            dataclasses.replace(settings, stage="sum_model", objective="distribution"),
            tmp_path,
        )
    own = dataclasses.replace(blended, images=str(tmp_path))
    with pytest.raises(
        UserError, match="composites. Received: --mixup_share=0.5 with --images"
    ):
        stages.train_encoder(dataclasses.replace(settings, data=own), tmp_path)


def test_a_taught_run_with_blended_digits_resumes_in_the_same_bits(settings, tmp_path):
    settings = dataclasses.replace(
        settings,
        data=dataclasses.replace(settings.data, layout="tiled", mixup_share=0.5),
    )
    learned = training_data.image_data(settings, needs_digits=True)["train_data"](0)
    assert learned.element_spec[1]["digit_targets"].shape == (8, 4, 10)
    stages.train_encoder(settings, tmp_path / "whole")
    stages.train_encoder(
        dataclasses.replace(settings, total_steps=2), tmp_path / "parts"
    )
    stages.train_encoder(settings, tmp_path / "parts")
    values, others = (
        final_values(tmp_path / n / "encoder") for n in ("whole", "parts")
    )
    assert_same_values(values, others)
    shapes = {np.shape(value) for value in values.values()}
    assert (3, 3, 1, 2) in shapes and (3, 3, 1, 3) not in shapes  # no teacher is saved


def test_a_run_does_not_go_on_with_another_teacher(settings, taught_by, tmp_path):
    with np.load(taught_by[1]) as archive:
        layers = dict(archive)
    np.savez(tmp_path / "teacher.npz", **layers)
    settings = dataclasses.replace(
        settings,
        total_steps=2,
        teacher=str(tmp_path / "teacher.npz"),
        data=dataclasses.replace(settings.data, layout="tiled"),
    )
    stages.train_encoder(settings, tmp_path)
    layers["logits/bias"] = layers["logits/bias"] + 1
    np.savez(tmp_path / "teacher.npz", **layers)
    with pytest.raises(UserError, match="the teachers or their weights have changed"):
        stages.train_encoder(dataclasses.replace(settings, total_steps=4), tmp_path)


def test_teachers_are_for_composites(settings, tmp_path):
    own = dataclasses.replace(settings.data, images=str(tmp_path))
    with pytest.raises(UserError, match="--teacher requires composites"):
        stages.train_encoder(dataclasses.replace(settings, data=own), tmp_path / "work")


def test_a_teacher_that_cannot_be_read_is_named(settings, tmp_path):
    broken = dataclasses.replace(settings, teacher=str(tmp_path / "none"))
    with pytest.raises(UserError, match="--teacher must be .*none"):
        stages.train_encoder(broken, tmp_path / "work")
