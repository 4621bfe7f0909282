"""`tf.data` pipelines: composites made on the fly, and the user's own images.

Elements are `(images, labels)`: images uint8 `[batch, 40, 168, 1]`, white ink
(255) on black (0); labels a dictionary of `"digits"`, int32 `[batch, 4]`
(absent where only sums are known), and `"sum"`, int32 `[batch]`; more where it is
asked for, see `composites_dataset`.

Endless pipelines are stateless: the batch of step n is a pure function of
(seed, n), so that starting at step n costs nothing and a resumed run sees what it
would have seen uninterrupted.
"""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from mnist_sum_tf import config
from mnist_sum_tf.data import augmentation, composites, layouts, segments
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.data.labelled_images import LabelledImages
from mnist_sum_tf.data.shuffling import shuffled_rows

# Nothing here branches on tensors: AutoGraph would take seconds and change nothing.
_as_written = tf.autograph.experimental.do_not_convert


def composites_dataset(
    digits: Digits,
    layout: str,
    seed: int,
    batch_size: int,
    start_step: int = 0,
    total_steps: int | None = None,
    deformed: bool = False,
    deformation_strength: float = 1.0,
    degradation_share: float = 1.0,
    mixup_share: float = 0.0,
    keeps_clean: bool = False,
) -> tf.data.Dataset:
    """Composites made on the fly from digits drawn with replacement.

    Args:
        digits: what to draw from.
        layout: one of `config.LAYOUTS`.
        seed: a whole number.
        batch_size: images per batch.
        start_step: the step of the first batch.
        total_steps: steps of the whole run: the last batch is that of step
            `total_steps - 1`; endless where `None`.
        deformed, deformation_strength, degradation_share, mixup_share: see
            `composites.composite_batch`.
        keeps_clean: whether labels hold `"clean"`, the images before degradation.

    Returns:
        A dataset of `(images, labels)`; with `mixup_share` labels hold
        `"digit_targets"`, too.

    Raises:
        UserError: if there is no such layout.
    """
    layouts.get_layout(layout)  # fails here rather than while tracing
    images, labels = _on_host(digits.images), _on_host(digits.labels)

    def compose(step):
        composed, known = composites.composite_batch(
            images,
            labels,
            layout,
            seed,
            step,
            batch_size,
            deformed,
            deformation_strength,
            degradation_share,
            mixup_share,
        )
        if not keeps_clean:
            del known["clean"]
        return composed, known | _with_sum(known["digits"])

    return map_steps(compose, start_step, total_steps)


def evaluation_dataset(
    digits: Digits, layout: str, seed: int, batch_size: int
) -> tf.data.Dataset:
    """Composites that use each digit exactly once, in a shuffled order.

    Args:
        digits: `n` digits, which make `n // 4` composites; up to three left over
            are dropped.
        layout: one of `config.LAYOUTS`.
        seed: a whole number.
        batch_size: images per batch; the last batch may be smaller.

    Returns:
        A finite dataset of `(images, labels)`, the same at every pass.

    Raises:
        UserError: if there is no such layout.
    """
    layouts.get_layout(layout)
    images, labels = _on_host(digits.images), _on_host(digits.labels)
    num_images = len(digits.images) // config.NUM_DIGITS
    batch_size = min(batch_size, max(num_images, 1))
    rest = num_images % batch_size

    def batches(first, stop, size):
        def compose(start):
            composed, known = composites.evaluation_batch(
                images, labels, layout, seed, start, size
            )
            return composed, _with_sum(known["digits"])

        starts = tf.data.Dataset.range(first, stop, size)
        return starts.map(_as_written(compose), num_parallel_calls=tf.data.AUTOTUNE)

    whole = batches(0, num_images - rest, batch_size)
    if rest:  # separate, since composing needs a static batch size
        whole = whole.concatenate(batches(num_images - rest, num_images, rest))
    return whole.prefetch(tf.data.AUTOTUNE)


def evaluation_datasets(
    digits: Digits, layout_names: Iterable[str]
) -> dict[str, tf.data.Dataset]:
    """The composites that models are evaluated on, of each layout.

    Args:
        digits: see `evaluation_dataset`.
        layout_names: of `config.LAYOUTS`; repeated ones count once.

    Returns:
        Layout -> `evaluation_dataset`, composed once for any number of passes.

    Raises:
        UserError: if there is no such layout.
    """
    return {
        layout: evaluation_dataset(
            digits, layout, config.EVALUATION_SEED, config.EVALUATION_BATCH_SIZE
        ).cache()
        for layout in dict.fromkeys(layout_names)
    }


def repeated_dataset(
    labelled: LabelledImages,
    seed: int,
    batch_size: int,
    start_step: int = 0,
    total_steps: int | None = None,
    augmented: bool = False,
) -> tf.data.Dataset:
    """Repeats images endlessly, in a new order each epoch.

    Batches run across the end of an epoch, so that all have the same size.

    Args:
        labelled: the images; they are kept in memory.
        seed: a whole number.
        batch_size: images per batch.
        start_step: the step of the first batch.
        total_steps: as in `composites_dataset`.
        augmented: whether to augment each image at random; see
            `augmentation.augment_images`.

    Returns:
        A dataset of `(images, labels)`.
    """
    images, labels = _tensors(labelled)
    count = len(labelled.images)

    def choose(step):
        rows = shuffled_rows(count, seed, step, batch_size)
        chosen, of_chosen = _rows(images, labels, rows)
        if augmented:
            step_seed = tf.stack([tf.constant(seed, tf.int64), step])
            chosen = augmentation.augment_images(chosen, step_seed)
        return chosen, of_chosen

    return map_steps(choose, start_step, total_steps)


def cut_images_dataset(
    digits,
    sums,
    seed: int,
    batch_size: int,
    start_step: int = 0,
    total_steps: int | None = None,
) -> tf.data.Dataset:
    """Repeats cut images endlessly, their digits deformed anew each time.

    Args:
        digits: uint8 `[n, 4, 28, 28]`, see `segments.cut_images`.
        sums: int32 `[n]`.
        seed, batch_size, start_step, total_steps: as in `repeated_dataset`.

    Returns:
        A dataset of `(images, {"sum": sums})`.
    """
    count, digits, sums = len(sums), _on_host(digits), _on_host(sums)

    def choose(step):
        rows = shuffled_rows(count, seed, step, batch_size)
        step_seed = tf.cast(tf.stack([tf.constant(seed, tf.int64), step]), tf.int32)
        images = segments.deformed_and_set_apart(tf.gather(digits, rows), step_seed)
        return images, {"sum": tf.gather(sums, rows)}

    return map_steps(choose, start_step, total_steps)


def once_dataset(labelled: LabelledImages, batch_size: int) -> tf.data.Dataset:
    """Every image once, in order.

    Args:
        labelled: the images; they are kept in memory.
        batch_size: images per batch; the last batch may be smaller.

    Returns:
        A finite dataset of `(images, labels)`.
    """
    images, labels = _tensors(labelled)
    dataset = tf.data.Dataset.range(len(labelled.images)).batch(batch_size)
    dataset = dataset.map(_as_written(lambda rows: _rows(images, labels, rows)))
    return dataset.prefetch(tf.data.AUTOTUNE)


def map_steps(function, start_step: int, total_steps: int | None) -> tf.data.Dataset:
    """The batches of the steps of a run.

    Args:
        function: of a step, an int64 scalar tensor; it returns the step's batch.
        start_step, total_steps: as in `composites_dataset`.
    """
    stop = tf.int64.max if total_steps is None else total_steps
    steps = tf.data.Dataset.range(start_step, stop)
    batches = steps.map(
        _as_written(function), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    return batches.prefetch(tf.data.AUTOTUNE)


def _on_host(array) -> tf.Tensor:
    """An eager tensor in main memory.

    Functions that use it capture it once; a NumPy array would be written into
    each graph as a constant.
    """
    with tf.device("CPU:0"):
        return tf.constant(array)


def _tensors(labelled: LabelledImages):
    """Images `[n, 40, 168, 1]` and the dictionary of labels."""
    labels = {"sum": _on_host(labelled.sums)}
    if labelled.digits is not None:
        labels["digits"] = _on_host(labelled.digits)
    return _on_host(labelled.images[..., np.newaxis]), labels


def _rows(images, labels, rows):
    """The images and labels of these rows."""
    chosen = {name: tf.gather(values, rows) for name, values in labels.items()}
    return tf.gather(images, rows), chosen


def _with_sum(digits) -> dict:
    """`"digits"`, int32 `[n, 4]`, and `"sum"`, int32 `[n]`."""
    return {"digits": digits, "sum": tf.reduce_sum(digits, axis=1)}
