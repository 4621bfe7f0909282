"""Teachers, what they say, the pupil: one after another, in a work directory.

    teacher-0.npz, ...   trained teachers
    pupil.npz            the pupil's last checkpoint
    encoder.npz          its averaged weights: `--initial_model` of the other scripts
"""

import dataclasses
import os
import pathlib
from typing import NamedTuple

import jax
import numpy as np
import tqdm

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import Digits, load_digits
from mnist_sum_tf.distillation import networks, pupils, saved_states, teachers
from mnist_sum_tf.training import interruptions

UNSEEN_IMAGES = 4096  # judged at the end


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of all of it; the figures are those that the README gives.

    Attributes:
        digits: see `load_digits`.
        num_teachers: how many there are; each misses a sixth of the digits.
        teacher_steps: of each, by batches of `4 * teachers.BATCH_IMAGES` digits.
        num_writings: images whose digits teachers judge; a power of two.
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
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        saved_states.check_same_settings(workdir, _what_matters(recipe))
        trained = _teachers(recipe, digits, workdir)
        plain = _pupil(recipe, digits, trained, workdir)
        saved_states.write_arrays(workdir / "encoder.npz", plain)
    except OSError as error:
        raise config.UserError(
            "--workdir must be a folder that can be written. "
            f"Received: {str(workdir)!r}: {config.kind_and_line(error)}"
        ) from error
    images, sums = pupils.unseen_images(recipe.lesson, unseen, UNSEEN_IMAGES)
    return Result(
        workdir / "encoder.npz", teachers.accuracy(trained, unseen),
        pupils.sum_accuracy(plain, images, sums),
    )  # fmt: skip


def _what_matters(recipe: Recipe) -> dict:
    """What may not change while a run is stopped."""
    settings = dataclasses.asdict(recipe)
    del settings["checkpoint_every_steps"], settings["log_every_steps"]
    return settings


def _check(recipe: Recipe) -> None:
    counts = {
        "num_teachers": recipe.num_teachers, "teacher_steps": recipe.teacher_steps,
        "total_steps": recipe.lesson.total_steps,
        "checkpoint_every_steps": recipe.checkpoint_every_steps,
    }  # fmt: skip
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


def _teachers(recipe: Recipe, digits: Digits, workdir: pathlib.Path) -> list:
    """Those that are there, and the others."""
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
        progress.set_postfix(loss=f"{loss:.4f}")
        trained.append((parameters, statistics))
        saved_states.write_tree(path, trained[-1])
    return trained


def _pupil(recipe: Recipe, digits: Digits, trained, workdir: pathlib.Path):
    """The pupil's plain layers, see `networks.folded`."""
    lesson, path = recipe.lesson, workdir / "pupil.npz"
    state = pupils.begin(lesson)
    if os.path.exists(path):
        state = saved_states.read_tree(path, state)
    said = teachers.judge_writings(trained, digits, lesson.seed, recipe.num_writings)
    advance = pupils.make_step(lesson, digits, said)
    first = int(state.step)
    steps = tqdm.trange(
        first, lesson.total_steps, initial=first, total=lesson.total_steps,
        desc="pupil", unit="step",
    )  # fmt: skip
    with interruptions.StopRequest() as stop:
        for step in steps:
            state, loss = advance(state)
            if step % recipe.log_every_steps == 0:
                steps.set_postfix(loss=f"{float(loss):.4f}", refresh=False)
            if stop.signal_name or (step + 1) % recipe.checkpoint_every_steps == 0:
                saved_states.write_tree(path, state)
            if stop.signal_name:
                raise interruptions.TrainingStopped(
                    f"Stopped by {stop.signal_name} after step {step + 1}; the same "
                    "command goes on from there."
                )
    saved_states.write_tree(path, state)
    parameters, statistics = pupils.averaged(lesson, state, digits, len(said))
    to_numpy = jax.tree.map(np.asarray, (parameters, statistics))
    return networks.folded(*to_numpy)
