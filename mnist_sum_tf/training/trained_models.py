"""A work directory's latest checkpoints as one float32 sum model."""

import contextlib
import logging
import pathlib

import keras

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import digest_of
from mnist_sum_tf.data.labelled_images import LabelledImages
from mnist_sum_tf.models.cell_reader import build_cell_reader
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder, without_normalization
from mnist_sum_tf.models.sum_distribution import with_distribution
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.training import checkpoints, stage_folder
from mnist_sum_tf.user_errors import UserError, check_path


def load_sum_model(workdir) -> keras.Model:
    """Loads the combined model where it was trained, else encoder and decoder.

    Whatever precision it was trained in, the model computes in float32, so that
    it gives the same numbers on any machine.

    Args:
        workdir: the work directory of one experiment.

    Returns:
        See `build_sum_model`, with the averaged weights.

    Raises:
        UserError: if the directory holds neither.
    """
    check_path(workdir, "workdir")
    workdir = pathlib.Path(workdir)
    if is_trained(workdir / "sum_model"):
        encoder, decoder = untrained_encoder_of(workdir / "sum_model"), build_decoder()
        trained = build_sum_model(encoder, decoder)
        checkpoints.load_average(trained, workdir / "sum_model")
        return build_sum_model(without_normalization(encoder), decoder)
    missing = [
        part for part in ("encoder", "decoder") if not is_trained(workdir / part)
    ]
    if missing:
        raise UserError(
            "--workdir must hold a trained sum_model, or an encoder and a "
            f"decoder. Received: {workdir} without {' and '.join(missing)}"
        )
    decoder = build_decoder()
    checkpoints.load_average(decoder, workdir / "decoder")
    return build_sum_model(load_encoder(workdir / "encoder"), decoder)


def load_encoder(stage_dir: pathlib.Path, dtype="float32", **changes) -> keras.Model:
    """Loads a trained encoder's averaged weights, its normalisation folded.

    Args:
        stage_dir: the folder of the stage `encoder`.
        dtype: Keras dtype policy of the model.
        **changes: see `untrained_encoder_of`.

    Raises:
        UserError: if there is no checkpoint that can be read.
    """
    encoder = untrained_encoder_of(stage_dir, dtype, **changes)
    checkpoints.load_average(encoder, stage_dir)
    return without_normalization(encoder, dtype)


def load_cell_reader(stage_dir: pathlib.Path) -> keras.Model:
    """Loads a trained cell reader's averaged weights, in float32.

    Args:
        stage_dir: the folder of the stage `cell_reader`.

    Returns:
        See `sum_distribution.with_distribution`.

    Raises:
        UserError: if there is no checkpoint that can be read.
    """
    reader = with_distribution(build_cell_reader())
    checkpoints.load_average(reader, stage_dir)
    return reader


def untrained_encoder_of(
    stage_dir: pathlib.Path, dtype="float32", **changes
) -> keras.Model:
    """An untrained encoder of the size that the stage's settings name.

    Args:
        stage_dir: the stage's folder.
        dtype: Keras dtype policy of the model.
        **changes: arguments of `build_encoder` in place of those settings.
    """
    with _settings(stage_dir, "the model's size") as settings:
        return build_encoder(**settings["model"] | changes, dtype=dtype)


def is_trained(stage_dir) -> bool:
    """Whether a stage has a checkpoint, readable or not."""
    return checkpoints.latest_checkpoint(stage_dir) is not None


def steps_taken(stage_dir) -> int:
    """The step of a stage's newest checkpoint, readable or not; 0 without any."""
    latest = checkpoints.latest_checkpoint(stage_dir)
    return checkpoints.step_of(latest) if latest else 0


def size_of_trained(
    model: config.ModelConfig, stage_dir: pathlib.Path
) -> config.ModelConfig:
    """The settings of an encoder with as many channels as a trained one has.

    Reads only the settings file: workers may not be connected yet.

    Args:
        model: the other settings.
        stage_dir: the stage's folder.

    Raises:
        UserError: if its settings cannot be used.
    """
    with _settings(stage_dir, "the model's size") as settings:
        channels = config.ModelConfig(**settings["model"]).channels
        if len(channels) != config.NUM_BLOCKS or min(channels) < 1:
            raise ValueError(f"{channels} channels")
        return model.with_channels(channels)


def warn_of_sum_model(settings: config.Config, workdir: pathlib.Path) -> None:
    """Warns if the combined model, and not this stage, is what gets evaluated.

    Args:
        settings: of the encoder or the decoder.
        workdir: the work directory.
    """
    is_done = steps_taken(workdir / settings.stage) >= settings.total_steps
    if is_trained(workdir / "sum_model") and not is_done:
        logging.warning(
            "%s has a combined model, which is what is evaluated and exported; training "
            "the %s again does not change it",
            workdir,
            settings.stage,
        )


def data_of_trained(stage_dir: pathlib.Path) -> config.DataConfig:
    """What data a stage was trained on.

    Args:
        stage_dir: the stage's folder.

    Raises:
        UserError: if its settings do not say.
    """
    with _settings(stage_dir, "the data trained on") as settings:
        data = config.DataConfig(**settings["data"])
        paths = (data.images, data.sums, data.tfds_data_dir)
        texts = [
            data.layout,
            data.digits,
            *(path for path in paths if path is not None),
        ]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(f"{settings['data']}")
        return data


def split_of_trained(stage_dir: pathlib.Path) -> tuple[float, int]:
    """Train fraction and seed by which a stage's images were split, see `split_images`.

    Args:
        stage_dir: the stage's folder.

    Raises:
        UserError: if its settings do not say.
    """
    with _settings(stage_dir, "how the images were split") as settings:
        fraction = float(settings["data"]["train_fraction"])
        if not 0 < fraction < 1:
            raise ValueError(f"train_fraction {fraction}")
        return fraction, int(settings["seed"])


def warn_of_others(labelled: LabelledImages, stage_dir: pathlib.Path) -> None:
    """Warns if a stage was trained on other images or sums than these."""
    path = pathlib.Path(stage_dir) / stage_folder.CONFIG_FILE
    trained_on = stage_folder.read_settings(path).get("data_digest")
    if trained_on not in (None, digest_of(labelled.images, labelled.sums)):
        logging.warning(
            "%s was trained on other images or sums, or on these in another order: where "
            "images differ, some of those it learned from may be taken for validation or "
            "test images",
            stage_dir,
        )


def warn_of_another_split(
    settings: config.Config, data_digest: str, stage_dir: pathlib.Path
) -> None:
    """Warns if an encoder was trained on another split of the same images.

    Args:
        settings: of the run that may start from it.
        data_digest: of the images that the run is given, before they are split.
        stage_dir: the folder of the stage `encoder`; it need not be trained.

    Raises:
        UserError: if its settings do not tell how its images were split.
    """
    if not is_trained(stage_dir):
        return
    path = pathlib.Path(stage_dir) / stage_folder.CONFIG_FILE
    if stage_folder.read_settings(path).get("data_digest") != data_digest:
        return
    there = split_of_trained(stage_dir)
    here = (settings.data.train_fraction, settings.seed)
    if there != here:
        logging.warning(
            "%s was trained on another split of these (a share of %s by --seed=%d, "
            "here of %s by --seed=%d): it has seen some of the validation images",
            stage_dir,
            *there,
            *here,
        )


@contextlib.contextmanager
def _settings(stage_dir, what: str):
    """Yields a stage's settings; raises `UserError` where they lack what is needed."""
    path = pathlib.Path(stage_dir) / stage_folder.CONFIG_FILE
    settings = stage_folder.read_settings(path)
    try:
        yield settings
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} must name {what}. Received: {error!r}") from error
