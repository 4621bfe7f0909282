"""Temperature scaling: calibrates a model's probabilities."""

import dataclasses
import math
import pathlib

import keras
import numpy as np
import tensorflow as tf

from mnist_sum_tf import confidence, config
from mnist_sum_tf.data import datasets, image_splits, labelled_images
from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.models.sum_distribution import SumOfDigits
from mnist_sum_tf.training import losses, trained_models

LAYER = "digit_probabilities"
LOWEST, HIGHEST = 0.2, 5.0
# Fewer images say little about the error rate: 2 % of these are four errors.
MIN_IMAGES = 200
# Slots that learned from few images may hold parts of several digits; the likeliest
# temperature can then cost many right sums, and is rejected.
MOST_LOST = 0.005
GRID_POINTS = 17


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What calibrating changed, on the images it was fitted to.

    Attributes:
        num_images: how many these are.
        before, after: the temperature, the mean negative log-likelihood of the
            sum (nats), and the expected calibration error (share).
        reason: why the temperature was kept, if it was.
    """

    num_images: int
    before: tuple[float, float, float]
    after: tuple[float, float, float]
    reason: str = ""

    def __str__(self):
        if self.reason:
            return f"Not calibrated: {self.reason}"
        rows = [
            f"temperature {temperature:.4f}: NLL {nll:.4f}, expected "
            f"calibration error {error:.2%}"
            for temperature, nll, error in (self.before, self.after)
        ]
        return (
            f"Calibrated on {self.num_images:,} validation images\n"
            f"  before, {rows[0]}\n  after,  {rows[1]}"
        )


def calibrate(model: keras.Model, named_datasets: dict) -> Calibration:
    """Sets the model's temperature to that of the least NLL of the sums.

    It minimises the sums' negative log-likelihood over all data sets together.
    That needs no digit labels, and gives the same temperature within 1 % as
    minimising the digits' does.

    Args:
        model: see `build_sum_model`; its temperature is changed, unless there
            are fewer than `MIN_IMAGES` images or it would then read more than a
            share of `MOST_LOST` fewer sums right.
        named_datasets: name -> finite data set of images and labels.

    Returns:
        What it found.
    """
    logits, sums = _logits(model.get_layer("encoder"), named_datasets.values())
    layer = model.get_layer("sum_distribution").get_layer(LAYER)

    def at(temperature):
        return temperature, *evaluate_temperature(logits, sums, temperature)

    before = at(float(layer.temperature))
    if len(sums) < MIN_IMAGES:
        reason = f"{len(sums)} validation images, of which {MIN_IMAGES} are needed"
        return Calibration(len(sums), before, before, reason)
    temperature = fit_temperature(logits, sums)
    right, still_right = (
        share_right(logits, sums, t) for t in (before[0], temperature)
    )
    lost = round((right - still_right) * len(sums))
    if lost > MOST_LOST * len(sums):
        share = lost / len(sums)
        reason = f"temperature {temperature:.4f} would cost {share:.2%} of the sums"
        return Calibration(len(sums), before, before, reason)
    layer.temperature.assign(temperature)
    return Calibration(len(sums), before, at(temperature))


def _logits(encoder: keras.Model, all_datasets):
    """Digit logits, float32 `[n, 4, 10]`, and sums, int32 `[n]`."""
    encode = tf.function(encoder, autograph=False, reduce_retracing=True)
    pairs = [
        (encode(images, training=False).numpy(), labels["sum"].numpy())
        for dataset in all_datasets
        for images, labels in dataset
    ]
    return tuple(np.concatenate(part) for part in zip(*pairs))


def fit_temperature(logits, sums) -> float:
    """The temperature under which the true sums are likeliest.

    Args:
        logits: float32 `[n, 4, 10]`, before any temperature.
        sums: integers `[n]` in 0..36.

    Returns:
        A number between `LOWEST` and `HIGHEST`.
    """

    def nll(log_temperature):
        probabilities = _sum_probabilities(logits, math.exp(log_temperature))
        return _mean_nll(sums, probabilities)

    return math.exp(minimize(nll, math.log(LOWEST), math.log(HIGHEST)))


def minimize(function, low: float, high: float, tolerance=1e-3) -> float:
    """Finds the minimum of a function of one variable, by ever finer grids.

    Args:
        function: float to float.
        low, high: the interval to search.
        tolerance: of the returned argument.
    """
    while high - low > tolerance:
        grid = np.linspace(low, high, GRID_POINTS)
        least = int(np.argmin([function(x) for x in grid]))
        low, high = grid[max(least - 1, 0)], grid[min(least + 1, GRID_POINTS - 1)]
    return float((low + high) / 2)


def evaluate_temperature(logits, sums, temperature: float) -> tuple[float, float]:
    """NLL of the sums (nats) and expected calibration error (share).

    Args:
        logits, sums: as `fit_temperature`.
        temperature: a positive number.
    """
    probabilities = _sum_probabilities(logits, temperature)
    nll = _mean_nll(sums, probabilities)
    probabilities = probabilities.numpy()
    error = confidence.expected_calibration_error(
        probabilities.max(-1), probabilities.argmax(-1) == sums
    )
    return nll, error


def share_right(logits, sums, temperature: float) -> float:
    """Share of the most likely sums that is right; see `evaluate_temperature`."""
    found = _sum_probabilities(logits, temperature).numpy().argmax(-1)
    return float((found == sums).mean())


def _sum_probabilities(logits, temperature: float) -> tf.Tensor:
    return SumOfDigits()(tf.nn.softmax(logits / temperature))


def _mean_nll(sums, probabilities) -> float:
    return float(
        tf.reduce_mean(losses.sum_negative_log_likelihood(sums, probabilities))
    )


def composites(digits="bundled", tfds_data_dir=None, layouts=config.LAYOUTS) -> dict:
    """Composites of the validation digits, each of them once per layout.

    Args:
        digits, tfds_data_dir: see `load_digits`.
        layouts: names of layouts.

    Returns:
        Layout -> `tf.data.Dataset`.

    Raises:
        UserError: if the digits cannot be used or there is no such layout.
    """
    held_out = load_digits(digits, "validation", tfds_data_dir)
    return datasets.evaluation_datasets(held_out, layouts)


def validation_datasets(workdir) -> dict:
    """Held-out data of the kind that a work directory's model was trained on.

    That is: composites of the validation digits, in all layouts after training
    on `mixed`, else in the one trained on; after training on a person's own
    images, those of them set apart to validate.

    Args:
        workdir: the work directory of one experiment.

    Returns:
        Name -> `tf.data.Dataset`.

    Raises:
        UserError: if the settings, digits or images cannot be read.
    """
    workdir = pathlib.Path(workdir)
    is_whole = trained_models.is_trained(workdir / "sum_model")
    stage_dir = workdir / ("sum_model" if is_whole else "encoder")
    data = trained_models.data_of_trained(stage_dir)
    if data.images is None:
        every = data.layout == "mixed"
        layouts = config.LAYOUTS if every else (data.layout,)
        return composites(data.digits, data.tfds_data_dir, layouts)
    labelled = labelled_images.read_labelled_images(data.images, data.sums)
    trained_models.warn_of_others(labelled, stage_dir)
    split = trained_models.split_of_trained(stage_dir)
    parts = image_splits.split_images(labelled, *split)
    held_out = datasets.once_dataset(parts["validation"], config.EVALUATION_BATCH_SIZE)
    return {data.images: held_out}
