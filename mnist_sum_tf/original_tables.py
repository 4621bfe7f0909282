"""The tables that the original reports, made from a work directory."""

import dataclasses
import pathlib

import numpy as np

from mnist_sum_tf import answers, config, evaluation, evaluation_data, evaluation_tables
from mnist_sum_tf.data import datasets, digit_logits, image_splits, labelled_images
from mnist_sum_tf.data.labelled_images import LabelledImages
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.training import checkpoints, history
from mnist_sum_tf.training.trained_models import load_sum_model

SUMS = range(5, 30)  # "small (5) to large (29)"


def one_hot_parts(settings: config.Config) -> list[LabelledImages]:
    """Both splits of the images, with one-hot digit vectors instead of pixels."""
    one_hot = np.eye(config.NUM_CLASSES, dtype=np.float32)
    return [part._replace(images=one_hot[part.digits]) for part in own_parts(settings)]


def own_parts(settings: config.Config) -> tuple[LabelledImages, LabelledImages]:
    """The 90 % of the images that are trained on, and the other 10 %."""
    labelled = labelled_images.read_labelled_images(settings.data.images, None)
    parts = image_splits.split_images(
        labelled, settings.data.train_fraction, settings.seed
    )
    first, second = parts["validation"], parts["test"]
    rest = LabelledImages(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.digits, second.digits]),
        np.concatenate([first.sums, second.sums]),
        first.names + second.names,
    )
    return parts["train"], rest


def make_report(settings: config.Config, workdir, layouts) -> dict:
    """Gathers the original's tables from a work directory.

    Args:
        settings: those of the end-to-end stage.
        workdir: holds the stages.
        layouts: of unseen test digits.

    Returns:
        `images` (how many are trained and tested on), the rows of `encoder` and
        `end_to_end`, `decoder` (see `evaluate_decoder`), and the `evaluation` of
        both together: on the images' own 10 %, and on test digits.
    """
    workdir = pathlib.Path(workdir)
    train, test = own_parts(settings)
    report = {
        "images": {"train": len(train.images), "test": len(test.images)},
        "encoder": history.read_history(workdir / "encoder"),
        "decoder": evaluate_decoder(settings, workdir),
        "end_to_end": history.read_history(workdir / "sum_model"),
    }
    model = load_sum_model(workdir)
    own = datasets.once_dataset(test, config.EVALUATION_BATCH_SIZE)
    unseen = evaluation_data.choose_datasets(
        layouts, dataclasses.replace(settings.data, images=None)
    )
    named = {"its own 10 %": own} | unseen
    found = answers.collect(model, own, "its own 10 %")
    return report | {
        "evaluation": evaluation.evaluate_model(model, named),
        "samples": evaluation.side_by_side(found.sums, found.decoder_sums),
    }


def evaluate_decoder(settings: config.Config, workdir) -> dict:
    """What the original reports of its decoder, on one-hot vectors.

    Returns:
        `epoch_losses`, `test_loss`, `samples` of the 10 % tested on, and
        `error_by_sum`: the mean absolute error over all combinations of that
        sum.
    """
    stage_dir = pathlib.Path(workdir) / "decoder"
    decoder = build_decoder()
    checkpoints.load_average(decoder, stage_dir)
    test = one_hot_parts(settings)[1]
    predicted = decoder(test.images).numpy()
    vectors, labels = next(
        iter(digit_logits.all_combinations(1.0).unbatch().batch(10_000))
    )
    sums, errors = labels["sum"].numpy(), decoder(vectors) - labels["sum"]
    rows = history.read_history(stage_dir)
    return {
        "epoch_losses": history.losses_of(rows),
        "test_loss": float(np.square(predicted - test.sums).mean()),
        "samples": evaluation.side_by_side(test.sums, predicted),
        "error_by_sum": {
            total: float(np.abs(errors)[sums == total].mean()) for total in SUMS
        },
    }


def format_report(report: dict) -> str:
    """Lays the tables out for a terminal."""
    decoder, images = report["decoder"], report["images"]
    lines = [
        f"{images['train']} images to train on, {images['test']} to test on",
        _losses("Encoder", report["encoder"]),
        "Decoder: loss of each epoch",
        " ".join(f"{loss:.4g}" for loss in decoder["epoch_losses"]),
        f"Decoder: test loss {decoder['test_loss']:.6f}",
        evaluation_tables.format_samples(decoder["samples"]),
        "Decoder: average error by sum",
        " ".join(
            f"{total}:{error:.4f}" for total, error in decoder["error_by_sum"].items()
        ),
        _losses("End to end", report["end_to_end"]),
        evaluation_tables.format_table(report["evaluation"]),
        evaluation_tables.format_samples(report["samples"]),
    ]
    return "\n".join(lines)


def _losses(name: str, rows: list[dict]) -> str:
    losses = history.losses_of(rows)
    if not losses:
        return f"{name}: not trained here"
    return f"{name}: loss {losses[0]:.4g} -> {losses[-1]:.4g}, " + (
        f"{len(losses)} epochs"
    )
