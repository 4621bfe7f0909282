"""Trains the teachers, labels with them and trains the student, in a work directory.

teacher-0.npz, ...   trained teachers
student.npz          the student's last checkpoint
encoder.npz          its averaged weights: `--initial_model` of the other scripts
"""

import dataclasses
import math
import operator
import os
import pathlib
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mnist_sum_tf import config_check
from mnist_sum_tf.data.digits import Digits, digest_of, load_digits
from mnist_sum_tf.distillation import networks, saved_states, students, teachers
from mnist_sum_tf.progress import progress_bar
from mnist_sum_tf.training import interruptions, stage_folder, stage_lock
from mnist_sum_tf.user_errors import UserError

UNSEEN_IMAGES = 4096  # evaluated at the end
# Setting -> its smallest and its largest value, see `config_check.BOUNDS`.
BOUNDS = {
    "num_teachers": (1, 1000),  # whose keys are 1000 times the seed and more
    "teacher_steps": (1, config_check.LARGEST_INTEGER),
    "num_labelled_images": (1, 2**30),
    "checkpoint_every_steps": (1, config_check.LARGEST_INTEGER),
    "student.total_steps": (1, config_check.LARGEST_INTEGER),
    "student.global_batch_size": (32, 2**20),
    "student.learning_rate": (config_check.SMALLEST_FLOAT, config_check.LARGEST_FLOAT),
    "student.degradation_share": (0.0, 1.0),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of the whole distillation; defaults as in the README.

    Attributes:
        digits, tfds_data_dir: see `load_digits`.
        num_teachers: how many there are; each misses a sixth of the digits.
        teacher_steps: of each, by batches of `4 * teachers.BATCH_IMAGES` digits.
        num_labelled_images: images whose digits teachers label; a power of two.
        student: settings of the student's training.
        checkpoint_every_steps: of the student.
        log_every_steps: likewise.
    """

    digits: str = "bundled"
    tfds_data_dir: str | None = None
    num_teachers: int = 12
    teacher_steps: int = 6_000
    num_labelled_images: int = 2**20
    student: students.StudentConfig = students.StudentConfig()
    checkpoint_every_steps: int = 2_000
    log_every_steps: int = 100


class Result(NamedTuple):
    """Results of a distillation.

    Attributes:
        path: of `encoder.npz`.
        teachers_accuracy: the share of undeformed validation digits that the
            teachers together read right.
        sum_accuracy: the share of `UNSEEN_IMAGES` sums of validation digits, deformed
            and placed as in training, that the student has right.
    """

    path: pathlib.Path
    teachers_accuracy: float
    sum_accuracy: float


def distill(recipe: Recipe, workdir) -> Result:
    """Trains teachers and student, or resumes a stopped run.

    A resumed run ends in the same bits on a CPU; on a GPU, where XLA chooses
    operations by their speed, up to rounding.

    Raises:
        UserError: for settings or files that cannot be used.
    """
    workdir = pathlib.Path(workdir)
    _check(recipe)
    digits, unseen = (
        load_digits(recipe.digits, split, recipe.tfds_data_dir)
        for split in ("train", "validation")
    )
    with stage_lock.locked_directory(workdir), interruptions.StopRequest() as stop:
        _claim(recipe, digits, workdir)
        try:
            trained = _teachers(recipe, digits, workdir, stop)
            plain = _student(recipe, digits, trained, workdir, stop)
            saved_states.write_arrays(workdir / "encoder.npz", plain)
        except OSError as error:
            raise stage_lock.unwritable(error) from error
    images, sums = students.unseen_images(recipe.student, unseen, UNSEEN_IMAGES)
    return Result(
        workdir / "encoder.npz",
        teachers.accuracy(trained, unseen),
        students.sum_accuracy(plain, images, sums),
    )


def _claim(recipe: Recipe, digits: Digits, workdir: pathlib.Path) -> None:
    """Checks that existing files are of the same settings and digits.

    Raises:
        UserError: if it is not.
    """
    config_file = workdir / stage_folder.CONFIG_FILE
    if not config_file.exists() and next(workdir.glob("*.npz"), None):
        raise UserError(
            f"--workdir must be empty, or have {config_file.name} of a run. "
            f"Received: {str(workdir)!r}, with .npz files alone"
        )
    digest = digest_of(digits.images, digits.labels)
    settings = dataclasses.asdict(recipe) | {"data_digest": digest}
    stage_folder.claim_directory(workdir, settings)


def _check(recipe: Recipe) -> None:
    """Raises `UserError` for settings that cannot be used."""
    for name, bounds in BOUNDS.items():
        value = operator.attrgetter(name)(recipe)
        config_check.check_number(f"--{name.split('.')[-1]}", value, *bounds)
    num_images, batch_size = (
        recipe.num_labelled_images,
        recipe.student.global_batch_size,
    )
    if num_images & (num_images - 1):
        raise UserError(
            f"--num_labelled_images must be a power of two. Received: {num_images}"
        )
    if batch_size % 32 or num_images % batch_size:
        raise UserError(
            "--global_batch_size must be a multiple of 32 that divides "
            f"--num_labelled_images, {num_images}. Received: {batch_size}"
        )


def _teachers(recipe: Recipe, digits: Digits, workdir: pathlib.Path, stop) -> list:
    """Loads existing teachers, and trains the others.

    On a stop request, the current teacher is finished first: half a minute on a GPU.
    """
    train = teachers.make_trainer(digits, recipe.teacher_steps, recipe.student.seed)
    trained = []
    progress = progress_bar(range(recipe.num_teachers), "teachers", unit="teacher")
    for number in progress:
        path = workdir / f"teacher-{number}.npz"
        if os.path.exists(path):
            like = teachers.begin(number, recipe.student.seed)
            trained.append(saved_states.read_tree(path, like))
            continue
        parameters, statistics, loss = train(number)
        _check_finite(loss, f"teacher {number}")
        progress.set_postfix(loss=f"{loss:.4f}")
        trained.append((parameters, statistics))
        saved_states.write_tree(path, trained[-1])
        _stop_if_asked(stop, f"teacher {number}")
    return trained


def _check_finite(loss: float, where: str) -> None:
    """Raises `UserError` before weights that are not finite are written."""
    if not math.isfinite(loss):
        raise UserError(
            "The loss must be finite; try a smaller --learning_rate. "
            f"Received: {loss} of {where}"
        )


def _stop_if_asked(stop, where: str) -> None:
    if stop.signal_name:
        raise interruptions.TrainingStopped(
            f"Stopped by {stop.signal_name} after {where}; the same command goes on "
            "from there."
        )


def _soft_labels(recipe: Recipe, digits: Digits, trained, stop) -> jax.Array:
    """What the teachers say of the labelled images, see `teachers.label_batches`."""
    num_images = recipe.num_labelled_images
    batches = teachers.label_batches(trained, digits, recipe.student.seed, num_images)
    found = []
    with progress_bar(total=num_images, desc="labels", unit="image") as progress:
        for soft_labels in batches:
            found.append(soft_labels.block_until_ready())
            progress.update(len(soft_labels))
            _stop_if_asked(stop, "the last teacher")  # Labels are not saved.
    return jnp.concatenate(found)


def _student(recipe: Recipe, digits: Digits, trained, workdir: pathlib.Path, stop):
    """The student's plain layers, see `networks.folded`."""
    settings, path = recipe.student, workdir / "student.npz"
    state = students.begin(settings)
    if os.path.exists(path):
        state = saved_states.read_tree(path, state)
    if state.step < settings.total_steps:
        soft_labels = _soft_labels(recipe, digits, trained, stop)
        advance = students.make_step(settings, digits, soft_labels)
        state = _learn(recipe, state, advance, path, stop)
    parameters, statistics = students.averaged(
        settings, state, digits, recipe.num_labelled_images
    )
    to_numpy = jax.tree.map(np.asarray, (parameters, statistics))
    return networks.folded(*to_numpy)


def _learn(recipe: Recipe, state, advance, path: pathlib.Path, stop):
    """The student's state after its last step; saves it now and then."""
    first, total_steps = int(state.step), recipe.student.total_steps
    steps = progress_bar(
        range(first, total_steps), "student", total_steps, initial=first, unit="step"
    )
    for step in steps:
        state, loss = advance(state)
        if step % recipe.log_every_steps == 0:
            steps.set_postfix(loss=f"{float(loss):.4f}", refresh=False)
        is_last = step + 1 == total_steps
        is_due = is_last or (step + 1) % recipe.checkpoint_every_steps == 0
        if is_due or stop.signal_name:
            _check_finite(float(loss), f"step {step + 1}")
            saved_states.write_tree(path, state)
            _stop_if_asked(stop, f"step {step + 1}")
    return state
