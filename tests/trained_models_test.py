"""What is said of an encoder that a run starts from."""

import dataclasses
import json

import numpy as np
from stages_test import digits_file, small

from mnist_sum_tf import config
from mnist_sum_tf.training import stages, trained_models


def test_an_encoder_that_may_know_what_validates_is_reported(
    tmp_path, digits_file, caplog
):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (20, 40, 168), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "sums.npy", np.arange(20))
    data = config.DataConfig(
        images=str(tmp_path / "images.npy"), sums=str(tmp_path / "sums.npy")
    )
    settings = dataclasses.replace(small("sum_model", digits_file), data=data)
    digest = stages.sum_model_task(settings, tmp_path).data_digest
    (tmp_path / "encoder" / "checkpoints").mkdir(parents=True)
    (tmp_path / "encoder" / "checkpoints" / "ckpt-2.index").touch()
    for change, is_told in (
        ({}, False),
        ({"seed": 1}, True),
        ({"data": {"train_fraction": 0.9}}, True),
        ({"seed": 1, "data_digest": "of others"}, False),
    ):
        learned = {"seed": 0, "data": {"train_fraction": 0.8}, "data_digest": digest}
        text = json.dumps(learned | change)
        (tmp_path / "encoder" / "config.json").write_text(text)
        caplog.clear()
        stages.sum_model_task(settings, tmp_path)
        assert ("encoder was trained on another split" in caplog.text) is is_told


def test_learning_what_will_not_be_evaluated_is_reported(tmp_path, caplog):
    def tells(stage, total_steps):
        caplog.clear()
        settings = config.Config(stage, objective="digits", total_steps=total_steps)
        trained_models.warn_of_sum_model(settings, tmp_path)
        return f"training the {stage} again does not change it" in caplog.text

    def checkpoint(stage, step):
        (tmp_path / stage / "checkpoints").mkdir(parents=True, exist_ok=True)
        (tmp_path / stage / "checkpoints" / f"ckpt-{step}.index").touch()

    assert not tells("encoder", 2)
    checkpoint("encoder", 2)
    checkpoint("sum_model", 3)
    assert not tells("encoder", 2)  # nothing is left to learn
    assert tells("encoder", 4) and tells("decoder", 1)
