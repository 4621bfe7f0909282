"""The model that a stage begins with: random, exported or trained before.

Adds batch normalisation to encoders that train with it, whatever their source.
"""

import dataclasses
import logging
import pathlib

import keras

from mnist_sum_tf import config
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import (
    build_encoder,
    channels_of,
    with_normalization,
)
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.training import checkpoints
from mnist_sum_tf.training.batch_statistics import first_images
from mnist_sum_tf.training.initial_weights import (
    is_file_of_arrays,
    set_initial_weights,
)
from mnist_sum_tf.training.trained_models import is_trained, load_encoder
from mnist_sum_tf.user_errors import UserError

STATISTICS_IMAGES = 128  # give a start's batch statistics; over few, units seem dead


def starting_encoder(
    settings: config.Config, train_data, dtype: str, stage_dir=None
) -> keras.Model:
    """The initial model's encoder where one is named, else one of random weights.

    Random, too, if a run resumes, since its checkpoint has the weights: the initial
    model may be gone by then.

    Args:
        settings: what is trained, and from which initial model.
        train_data: start step and `total_steps` -> dataset of what is learned from.
        dtype: Keras dtype policy.
        stage_dir: the stage's folder, if it has one.

    Raises:
        UserError: if the initial model cannot be used.
    """
    size = dataclasses.asdict(settings.model)
    goes_on = stage_dir is not None and is_trained(stage_dir)
    if goes_on or not settings.initial_model:
        return build_encoder(**size, dtype=dtype)
    encoder = build_encoder(**size | {"normalized": False}, dtype=dtype)
    set_initial_weights(encoder, settings.initial_model)
    return _as_it_learns(encoder, settings, train_data, dtype)


def _as_it_learns(encoder: keras.Model, settings, train_data, dtype: str):
    """A plain encoder, with batch normalisation added if the settings say so."""
    if not settings.model.normalized:
        return encoder
    # Not limited by `total_steps`, which may grow when the run resumes.
    images = first_images(train_data(0, total_steps=None), STATISTICS_IMAGES)
    return with_normalization(encoder, images, dtype)


def starting_sum_model(
    settings, workdir: pathlib.Path, train_data, dtype: str
) -> keras.Model:
    """Encoder and decoder of the work directory where trained, else initial ones.

    Random if a run resumes, as in `starting_encoder`. The decoder is random, too,
    if the initial model has no decoder. Warns if the initial model is not used.

    Args, Raises: as `starting_encoder`; `workdir` holds the stages' folders. Also
        raises `UserError` for an encoder that is random and would stay so.
    """
    decoder = build_decoder()
    if is_trained(workdir / "sum_model"):
        size = dataclasses.asdict(settings.model)
        return build_sum_model(build_encoder(**size, dtype=dtype), decoder)
    _warn_of_unused(settings.initial_model, workdir)
    if is_trained(workdir / "encoder"):
        encoder = load_encoder(
            workdir / "encoder", dtype, dropout_rate=settings.model.dropout_rate
        )
        _check_size(encoder, settings, workdir)
        encoder = _as_it_learns(encoder, settings, train_data, dtype)
    else:
        _check_learned(settings, workdir)
        encoder = starting_encoder(settings, train_data, dtype)
    if is_trained(workdir / "decoder"):
        checkpoints.load_average(decoder, workdir / "decoder")
    elif settings.initial_model and not is_file_of_arrays(settings.initial_model):
        set_initial_weights(decoder, settings.initial_model)
    elif settings.objective not in config.THROUGH_DECODER:
        logging.warning(
            "the decoder is random and does not learn here: its output `sum` will mean "
            "nothing. Run train_decoder.py with this --workdir first"
        )
    return build_sum_model(encoder, decoder)


def _warn_of_unused(initial_model: str | None, workdir: pathlib.Path) -> None:
    trained = [part for part in ("encoder", "decoder") if is_trained(workdir / part)]
    if initial_model and trained:
        logging.warning(
            "starts from the %s of %s, not from that of --initial_model=%s",
            " and the ".join(trained),
            workdir,
            initial_model,
        )


def _check_learned(settings, workdir) -> None:
    if not settings.train_encoder and not settings.initial_model:
        raise UserError(
            "A frozen encoder (--notrain_encoder; with --preset=original that is the "
            "default) must have been trained: run train_encoder.py with this --workdir "
            "first, or add --initial_model or --train_encoder. Received: no "
            f"{workdir / 'encoder'}"
        )


def _check_size(encoder: keras.Model, settings, workdir) -> None:
    trained, asked = channels_of(encoder), settings.model.channels
    if trained != asked:
        raise UserError(
            "--base_channels or --block_channels must be that of "
            f"{workdir / 'encoder'}, {','.join(map(str, trained))}. "
            f"Received: {','.join(map(str, asked))}"
        )
