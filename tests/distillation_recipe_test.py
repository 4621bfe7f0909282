"""Distillation as a whole: it resumes, refuses, and hands its weights over."""

import dataclasses

import jax
import numpy as np
import pytest
from stages_test import digits_file

from mnist_sum_tf import config
from mnist_sum_tf.data.digits import load_digits
from mnist_sum_tf.distillation import networks, recipe, saved_states, students, teachers
from mnist_sum_tf.training import interruptions
from mnist_sum_tf.training.starting_models import starting_encoder
from mnist_sum_tf.user_errors import UserError

CHANNELS = (2, 2, 2, 2, 2)


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory):
    """Each run compiles its functions, which takes far longer than they do."""
    names = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"
    before = {name: getattr(jax.config, name) for name in names}
    for name, value in zip(names, (str(tmp_path_factory.mktemp("compiled")), 0.0)):
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(scope="module")
def small(digits_file):
    """A recipe that takes seconds."""
    layers, teacher = (
        networks.student_layers(CHANNELS),
        networks.teacher_layers((2, 2, 2)),
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(networks, "student_layers", lambda: layers)
        patched.setattr(networks, "teacher_layers", lambda: teacher)
        patched.setattr(teachers, "BATCH_IMAGES", 8)
        patched.setattr(students, "STATISTICS_BATCHES", 2)
        patched.setattr(recipe, "UNSEEN_IMAGES", 32)
        # Half of the compiler's time; distillation_learning_test degrades images.
        patched.setattr(
            students.degradation, "degrade", lambda drawn, key, share: drawn
        )
        yield recipe.Recipe(
            digits=digits_file,
            num_teachers=2,
            teacher_steps=2,
            num_labelled_images=64,
            checkpoint_every_steps=2,
            student=students.StudentConfig(total_steps=5, global_batch_size=32),
        )


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    """The result of a run that nothing stopped."""
    return recipe.distill(small, tmp_path_factory.mktemp("distilled") / "whole")


def test_killed_and_resumed_is_as_if_not_killed(small, whole, tmp_path, monkeypatch):
    make_step = students.make_step

    def dies_in_the_fourth_step(*args):
        advance = make_step(*args)

        def advance_or_die(state):
            if int(state.step) == 3:
                raise KeyboardInterrupt
            return advance(state)

        return advance_or_die

    with monkeypatch.context() as patched:
        patched.setattr(students, "make_step", dies_in_the_fourth_step)
        with pytest.raises(KeyboardInterrupt):
            recipe.distill(small, tmp_path / "killed")
    assert not (tmp_path / "killed" / "encoder.npz").exists()
    resumed = recipe.distill(small, tmp_path / "killed")
    assert resumed[1:] == whole[1:]
    with np.load(whole.path) as expected, np.load(resumed.path) as found:
        assert sorted(expected.files) == sorted(found.files) and len(found.files) == 24
        for name in expected.files:
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_signal_saves_and_says_how_to_go_on(small, tmp_path, monkeypatch):
    class Asked(interruptions.StopRequest):
        signal_name = "SIGTERM"

        def __init__(self):
            super().__init__()
            del self.signal_name  # The class's counts.

    def stops(where):
        expected = f"SIGTERM after {where};"
        with pytest.raises(interruptions.TrainingStopped, match=expected):
            recipe.distill(small, tmp_path)

    def make_step(*args):
        monkeypatch.setattr(Asked, "signal_name", "SIGTERM")
        return real_make_step(*args)

    monkeypatch.setattr(interruptions, "StopRequest", Asked)
    stops("teacher 0")
    assert [path.name for path in tmp_path.glob("*.npz")] == ["teacher-0.npz"]
    stops("teacher 1")
    stops("the last teacher")  # while they label
    real_make_step = students.make_step
    monkeypatch.setattr(students, "make_step", make_step)
    monkeypatch.setattr(Asked, "signal_name", None)
    stops("step 1")
    state = saved_states.read_tree(
        tmp_path / "student.npz", students.begin(small.student)
    )
    assert int(state.step) == 1


def test_its_encoder_is_an_initial_model(whole):
    settings = config.Config(
        stage="encoder",
        objective="digits",
        initial_model=str(whole.path),
        model=config.ModelConfig(block_channels=CHANNELS),
    )
    encoder = starting_encoder(settings, None, "float32")
    with np.load(whole.path) as expected:
        for layer in encoder.layers:
            for variable in layer.weights:
                np.testing.assert_array_equal(
                    variable, expected[f"{layer.name}/{variable.name}"]
                )


def test_other_settings_need_another_folder(small, tmp_path):
    digits = load_digits(small.digits, "train")
    recipe._claim(small, digits, tmp_path)
    recipe._claim(
        dataclasses.replace(small, checkpoint_every_steps=1), digits, tmp_path
    )
    other = dataclasses.replace(small, teacher_steps=3)
    with pytest.raises(UserError, match="teacher_steps was 2, is now 3"):
        recipe.distill(other, tmp_path)
    relabelled = digits._replace(labels=digits.labels[::-1])
    with pytest.raises(UserError, match="their labels have changed"):
        recipe._claim(small, relabelled, tmp_path)
    (tmp_path / "student.npz").write_bytes(b"")
    (tmp_path / "config.json").unlink()
    with pytest.raises(UserError, match="with .npz files alone"):
        recipe._claim(small, digits, tmp_path)


def test_a_loss_that_is_not_finite_is_not_saved(small, tmp_path, monkeypatch):
    monkeypatch.setattr(
        teachers, "make_trainer", lambda *args: lambda number: (None, None, np.nan)
    )
    with pytest.raises(UserError, match="Received: nan of teacher 0"):
        recipe.distill(small, tmp_path)
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"num_labelled_images": 48},
            "--num_labelled_images must be a power of two. Received: 48",
        ),
        (
            {"num_labelled_images": 2**62},
            f"--num_labelled_images must be a whole number from 1 to {2**30}. "
            f"Received: {2**62}",
        ),
        (
            {"num_teachers": 0},
            "--num_teachers must be a whole number from 1 to 1000. Received: 0",
        ),
        (
            {"num_teachers": 10**20},
            f"--num_teachers must be a whole number from 1 to 1000. Received: {10**20}",
        ),
        (
            {"student": students.StudentConfig(learning_rate=float("nan"))},
            "--learning_rate must be a number from 1.2e-38 to 3.4e+38. Received: nan",
        ),
        (
            {"student": students.StudentConfig(degradation_share=float("nan"))},
            "--degradation_share must be a number from 0.0 to 1.0. Received: nan",
        ),
        (
            {"teacher_steps": 0},
            "--teacher_steps must be a whole number from 1 to 2147483647. Received: 0",
        ),
        ({"student": students.StudentConfig(global_batch_size=48)}, "a multiple of 32"),
        (
            {"student": students.StudentConfig(global_batch_size=128)},
            "divides --num_labelled_images",
        ),
        (
            {"student": students.StudentConfig(total_steps=0)},
            "--total_steps must be a whole number from 1 to 2147483647. Received: 0",
        ),
        (
            {"student": students.StudentConfig(total_steps=10**20)},
            "--total_steps must be a whole number from 1 to 2147483647. "
            f"Received: {10**20}",
        ),
    ],
)
def test_settings_that_cannot_be_used(small, tmp_path, changes, message):
    with pytest.raises(UserError) as raised:
        recipe.distill(dataclasses.replace(small, **changes), tmp_path / "new")
    assert message in " ".join(str(raised.value).split())
    assert not (tmp_path / "new").exists()


def test_files_that_cannot_be_used(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--workdir must be a folder"):
        recipe.distill(small, tmp_path / "file")
    path, tree = tmp_path / "tree.npz", {"a": np.ones([2, 3]), "b": np.zeros([1])}
    saved_states.write_tree(path, tree)
    back = saved_states.read_tree(path, tree)
    assert jax.tree.all(jax.tree.map(lambda x, y: (x == y).all(), back, tree))
    for like in (
        {"a": np.ones([3, 2]), "b": np.zeros([1])},
        {"c": np.ones([1])},
        {"a": np.ones([2, 3], np.int32), "b": np.zeros([1])},
    ):
        with pytest.raises(UserError, match="tree.npz"):
            saved_states.read_tree(path, like)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="begins anew"):
        saved_states.read_tree(path, tree)
