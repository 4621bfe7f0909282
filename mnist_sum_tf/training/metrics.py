"""Keras metrics over the sum model's outputs."""

import keras
import tensorflow as tf

from mnist_sum_tf.training import losses


def digit_accuracy(digits, digit_probabilities) -> tf.Tensor:
    """Share of the four digits read right.

    Args:
        digits: int32 `[n, 4]`.
        digit_probabilities: float32 `[n, 4, 10]`, or logits.

    Returns:
        float32 `[n]` in {0, 0.25, 0.5, 0.75, 1}.
    """
    return tf.reduce_mean(_right_digits(digits, digit_probabilities), axis=-1)


def all_digits_accuracy(digits, digit_probabilities) -> tf.Tensor:
    """1 where all four digits are right, else 0; float32 `[n]`."""
    return tf.reduce_min(_right_digits(digits, digit_probabilities), axis=-1)


def _right_digits(digits, digit_probabilities) -> tf.Tensor:
    read = tf.argmax(digit_probabilities, axis=-1, output_type=tf.int32)
    return tf.cast(read == tf.cast(digits, tf.int32), tf.float32)


def most_likely_sum_accuracy(sums, sum_probabilities) -> tf.Tensor:
    """1 where the most likely sum is right, else 0; float32 `[n]`."""
    read = tf.argmax(sum_probabilities, axis=-1, output_type=tf.int32)
    return tf.cast(read == tf.cast(sums, tf.int32), tf.float32)


def rounded_sum_accuracy(sums, predicted_sums) -> tf.Tensor:
    """1 where the regressed sum rounds to the right one; float32 `[n]`."""
    rounded = tf.round(predicted_sums)
    return tf.cast(rounded == tf.cast(sums, tf.float32), tf.float32)


def absolute_error(sums, predicted_sums) -> tf.Tensor:
    """Absolute difference; `[n]` and `[n]` to float32 `[n]`."""
    return tf.abs(tf.cast(sums, tf.float32) - predicted_sums)


# Metrics by the output of the sum model that they evaluate. Labels go by the same
# names: see `labels_for_metrics`.
METRICS = {
    "digit_probabilities": (digit_accuracy, all_digits_accuracy),
    "sum_probabilities": (
        most_likely_sum_accuracy,
        losses.sum_negative_log_likelihood,
    ),
    "sum": (rounded_sum_accuracy, absolute_error, losses.squared_error),
}
# Results are called by these names everywhere: history, tables, JSON.
NAMES = {
    digit_accuracy: "digit_accuracy",
    all_digits_accuracy: "all_digits_accuracy",
    most_likely_sum_accuracy: "sum_accuracy",
    losses.sum_negative_log_likelihood: "sum_nll",
    rounded_sum_accuracy: "rounded_sum_accuracy",
    absolute_error: "sum_mae",
    losses.squared_error: "sum_mse",
}


def evaluation_model(model: keras.Model, outputs) -> keras.Model:
    """Wraps a model so that `model.evaluate` reports the metrics.

    Args:
        model: a model of one input whose outputs are a dictionary.
        outputs: names of the outputs to evaluate, keys of `METRICS`.

    Returns:
        A compiled model that shares the weights and has these outputs alone.
    """
    given = model.inputs[0]
    inputs = keras.Input(given.shape[1:], dtype=given.dtype, name=given.name)
    found = model(inputs)
    evaluated = keras.Model(inputs, {output: found[output] for output in outputs})
    wrapped = {
        output: [
            keras.metrics.MeanMetricWrapper(function, name=NAMES[function])
            for function in METRICS[output]
        ]
        for output in outputs
    }
    # `evaluate` wants a loss too; it stays out of the results.
    loss = {output: METRICS[output][-1] for output in outputs}
    evaluated.compile(loss=loss, metrics=wrapped)
    return evaluated


def labels_for_metrics(labels: dict, outputs) -> dict:
    """Gives each evaluated output the label it is compared with."""
    return {
        output: labels["digits" if output == "digit_probabilities" else "sum"]
        for output in outputs
    }


def evaluate(model: keras.Model, dataset, outputs) -> dict[str, float]:
    """Runs `model.evaluate` and names the results as in `NAMES`.

    Args:
        model: from `evaluation_model`.
        dataset: elements of images and label dictionaries (see `datasets`).
        outputs: the outputs it evaluates.

    Returns:
        One number by each metric's name.
    """
    pairs = dataset.map(
        tf.autograph.experimental.do_not_convert(
            lambda images, labels: (images, labels_for_metrics(labels, outputs))
        )
    )
    results = model.evaluate(pairs, verbose=0, return_dict=True)
    # Keras prefixes the output's name where a model has several.
    names = {
        f"{prefix}{name}": name
        for name in NAMES.values()
        for prefix in ("", *(f"{output}_" for output in outputs))
    }
    return {names[key]: float(results[key]) for key in results if key in names}
