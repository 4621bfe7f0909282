"""Teachers, what they say, the pupil: one after another, in a work directory.

    teacher-0.npz, ...   trained teachers
    pupil.npz            the pupil's last checkpoint
    encoder.npz          its averaged weights: `--initial_model` of the other scripts
"""

import dataclasses
import math
import os
import pathlib
from typing import NamedTuple

import jax
import numpy as np
import tqdm

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import Digits, digest_of, load_digits
from mnist_sum_tf.distillation import networks, pupils, saved_states, teachers
from mnist_sum_tf.training import interruptions, stage_folder

UNSEEN_IMAGES = 4096  # evaluated at the end


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of all of it; the figures are those that the README gives.

    Attributes:
        digits: see `load_digits`.
        num_teachers: how many there are; each misses a sixth of the digits.
        teacher_steps: of each, by batches of `4 * teachers.BATCH_IMAGES` digits.
        num_writings: images whose digits teachers label; a power of two.
        lesson: the pupil's.
        checkpoint_every_steps: of the pupil.
        log_every_steps: likewise.
    """

    digits: str = "bundled"
    num_teachers: int = 12
    teacher_steps: int = 6_000
    num_writings: int = 2**20
    lesson: pupils.Lesson = pupils.Lesson()
    checkpoint_every_steps: int = 2_000
    log_every_steps: int = 100


class Result(NamedTuple):
    """What came out.

    Attributes:
        path: of `encoder.npz`.
        teachers_accuracy: the share of validation digits, as they are, that the
            teachers read together.
        sum_accuracy: the share of `UNSEEN_IMAGES` sums of validation digits, written
            and placed as those that are learned from, that the pupil has right.
    """

    path: pathlib.Path
    teachers_accuracy: float
    sum_accuracy: float


def distill(recipe: Recipe, workdir) -> Result:
    """Trains teachers and pupil, or goes on where a run was stopped.

    It then ends in the same bits on a processor; on a GPU, where XLA chooses
    operations by their speed, up to rounding.

    Raises:
        UserError: for settings or files that cannot be used.
    """
    workdir = pathlib.Path(workdir)
    _check(recipe)
    digits, unseen = (
        load_digits(recipe.digits, split) for split in ("train", "validation")
    )
    with stage_folder.lock_directory(workdir), interruptions.StopRequest() as stop:
        _claim(recipe, digits, workdir)
        try:
            trained = _teachers(recipe, digits, workdir, stop)
            plain = _pupil(recipe, digits, trained, workdir, stop)
            saved_states.write_arrays(workdir / "encoder.npz", plain)
        except OSError as error:
            raise stage_folder.unwritable(error) from error
    images, sums = pupils.unseen_images(recipe.lesson, unseen, UNSEEN_IMAGES)
    return Result(
        workdir / "encoder.npz", teachers.accuracy(trained, unseen),
        pupils.sum_accuracy(plain, images, sums),
    )  # fmt: skip


def _claim(recipe: Recipe, digits: Digits, workdir: pathlib.Path) -> None:
    """Makes sure that what is there is of these very settings and digits.

    Raises:
        UserError: if it is not.
    """
    config_file = workdir / stage_folder.CONFIG_FILE
    if not config_file.exists() and next(workdir.glob("*.npz"), None):
        raise config.UserError(
            f"--workdir must be empty, or have {config_file.name} of a run. "
            f"Received: {str(workdir)!r}, with .npz files alone"
        )
    digest = digest_of(digits.images, digits.labels)
    settings = dataclasses.asdict(recipe) | {"data_digest": digest}
    stage_folder.claim_directory(workdir, settings)


def _check(recipe: Recipe) -> None:
    counts = {
        "num_teachers": recipe.num_teachers, "teacher_steps": recipe.teacher_steps,
        "total_steps": recipe.lesson.total_steps,
        "checkpoint_every_steps": recipe.checkpoint_every_steps,
    }  # fmt: skip
    rate = recipe.lesson.learning_rate
    if not (math.isfinite(rate) and rate > 0):
        raise config.UserError(
            f"--learning_rate must be positive and finite. Received: {rate}"
        )
    for name, value in counts.items():
        if value < 1:
            raise config.UserError(f"--{name} must be at least 1. Received: {value}")
    num_writings, batch_size = recipe.num_writings, recipe.lesson.global_batch_size
    if num_writings < 1 or num_writings & (num_writings - 1):
        raise config.UserError(
            f"--num_writings must be a power of two. Received: {num_writings}"
        )
    if batch_size < 32 or batch_size % 32 or num_writings % batch_size:
        raise config.UserError(
            "--global_batch_size must be a multiple of 32 that divides "
            f"--num_writings, {num_writings}. Received: {batch_size}"
        )


def _teachers(recipe: Recipe, digits: Digits, workdir: pathlib.Path, stop) -> list:
    """Those that are there, and the others.

    Asked to stop, the one that learns is finished first: half a minute.
    """
    train = teachers.make_trainer(digits, recipe.teacher_steps, recipe.lesson.seed)
    trained = []
    progress = tqdm.trange(recipe.num_teachers, desc="teachers", unit="teacher")
    for number in progress:
        path = workdir / f"teacher-{number}.npz"
        if os.path.exists(path):
            like = teachers.begin(number, recipe.lesson.seed)
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
        raise config.UserError(
            "The loss must be finite; try a smaller --learning_rate. "
            f"Received: {loss} of {where}"
        )


def _stop_if_asked(stop, where: str) -> None:
    if stop.signal_name:
        raise interruptions.TrainingStopped(
            f"Stopped by {stop.signal_name} after {where}; the same command goes on "
            "from there."
        )


def _pupil(recipe: Recipe, digits: Digits, trained, workdir: pathlib.Path, stop):
    """The pupil's plain layers, see `networks.folded`."""
    lesson, path = recipe.lesson, workdir / "pupil.npz"
    state = pupils.begin(lesson)
    if os.path.exists(path):
        state = saved_states.read_tree(path, state)
    first = int(state.step)
    if first < lesson.total_steps:
        said = teachers.label_writings(
            trained, digits, lesson.seed, recipe.num_writings
        )
        advance = pupils.make_step(lesson, digits, said)
    steps = tqdm.trange(
        first, lesson.total_steps, initial=first, total=lesson.total_steps,
        desc="pupil", unit="step",
    )  # fmt: skip
    for step in steps:
        state, loss = advance(state)
        if step % recipe.log_every_steps == 0:
            steps.set_postfix(loss=f"{float(loss):.4f}", refresh=False)
        is_last = step + 1 == lesson.total_steps
        is_due = is_last or (step + 1) % recipe.checkpoint_every_steps == 0
        if is_due or stop.signal_name:
            _check_finite(float(loss), f"step {step + 1}")
            saved_states.write_tree(path, state)
            _stop_if_asked(stop, f"step {step + 1}")
    parameters, statistics = pupils.averaged(
        lesson, state, digits, recipe.num_writings
    )
    to_numpy = jax.tree.map(np.asarray, (parameters, statistics))
    return networks.folded(*to_numpy)
