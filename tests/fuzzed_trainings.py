"""Readers of what a training keeps and of its flags, for `fuzz_readers.py`.

Each writes good files, of which some are damaged and given to `read`.
"""

import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf
from absl import flags

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "scripts"))
import cli

from mnist_sum_tf import config_check
from mnist_sum_tf.data import layouts
from mnist_sum_tf.training import (
    checkpoints,
    history,
    precision,
    stage_folder,
    strategies,
)
from mnist_sum_tf.user_errors import UserError


class Checkpoint:
    """What evaluation, export and the next stage read."""

    files = ("ckpt-2.index", "ckpt-2.data-00000-of-00001", "checkpoint")

    def __init__(self, folder):
        self.folder = folder / "stage"
        inputs = keras.Input((3,))
        outputs = keras.layers.Dense(2)(inputs)
        self.model = keras.Model(inputs, outputs, name="line")
        state = tf.train.Checkpoint(average=self.model)
        keeper = checkpoints.CheckpointFolder(state, self.folder, {})
        self.folder.mkdir()
        keeper.save(2)
        self.kept = {
            name: (self.folder / "checkpoints" / name).read_bytes()
            for name in self.files
        }
        self.good = [name.encode() + b"|" + text for name, text in self.kept.items()]
        self.weights = self.model.get_weights()

    def read(self, content):
        name, _, content = content.partition(b"|")
        for each, text in self.kept.items():
            (self.folder / "checkpoints" / each).write_bytes(text)
        # A damaged name stands for a file that is gone.
        file = self.files[0]
        for each in self.files:
            file = each if name == each.encode() else file
        (self.folder / "checkpoints" / file).write_bytes(content)
        checkpoints.load_average(self.model, self.folder)
        for first, second in zip(self.weights, self.model.get_weights()):
            np.testing.assert_array_equal(first, second)


class Settings:
    """`config.json` of a stage, which a run that goes on compares with."""

    settings = {"seed": 0, "model": {"base_channels": 16}}

    def __init__(self, folder):
        self.folder = folder
        self.good = [json.dumps(self.settings).encode()]

    def read(self, content):
        (self.folder / stage_folder.CONFIG_FILE).write_bytes(content)
        stage_folder.claim_directory(self.folder, self.settings)


class Rows:
    """`history.json` of a stage, which a run that goes on adds to."""

    def __init__(self, folder):
        self.folder = folder
        self.good = [b'[{"step": 10, "loss": 2.5}, {"step": 20, "loss": 1}]']

    def read(self, content):
        (self.folder / "history.json").write_bytes(content)
        found = history.History(self.folder, 15)
        found.add({"step": 15, "loss": 1.0})
        found.save()


class Flags:
    """The command line of the training scripts."""

    def __init__(self, folder):
        import training_flags

        training_flags.define_image_flags()
        self.settings = training_flags.settings
        self.good = [
            b"--workdir=W\n--total_steps=5\n--seed=3\n--learning_rate=0.001",
            b"--workdir=W\n--global_batch_size=8\n--precision=float32\n"
            b"--checkpoint_every_steps=3\n--base_channels=4\n--preset=compact",
            b"--workdir=W\n--strategy=one_device\n--skip_non_finite=2\n"
            b"--layout=tiled\n--nodeterministic\n--log_every_steps=7",
            b"--workdir=W\n--block_channels=3,1,4,1,5\n--dropout_rate=0.25\n"
            b"--initial_model=M\n--mixup_share=0.25\n--degradation_share=0.5",
        ]

    def read(self, content):
        arguments = content.decode("utf-8", "surrogateescape").split("\n")
        for name in flags.FLAGS:
            flags.FLAGS[name].unparse()
        cli.check_flag_names(arguments)
        try:
            flags.FLAGS(["train_encoder.py", *arguments])
        except flags.Error as error:  # absl prints it and exits with status 1
            raise UserError(str(error).replace("\n", " ")) from error
        settings = self.settings("encoder")
        strategies.check_batch_size(settings.global_batch_size, 1)
        precision.resolve_precision(settings.precision)
        layouts.get_layout(settings.data.layout)
        config_check.check_settings(settings)
        keras.utils.set_random_seed(settings.seed)
        tf.constant([settings.seed, settings.total_steps], tf.int64)
