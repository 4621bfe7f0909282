"""The history holds each step once, as CSV and as JSON."""

import csv

import numpy as np
import pytest

from mnist_sum_tf.training.history import History, read_history
from mnist_sum_tf.user_errors import UserError


def test_rows_survive_and_those_after_the_checkpoint_go(tmp_path):
    history = History(tmp_path, last_step=0)
    history.add({"step": 10, "loss": 2.5})
    history.add({"step": 20, "loss": 1.25})
    history.add({"step": 20, "tiled/sum_accuracy": 0.5})
    history.add({"step": 30, "loss": 1.0})
    history.save()
    resumed = History(tmp_path, last_step=20)
    assert resumed.rows == [
        {"step": 10, "loss": 2.5},
        {"step": 20, "loss": 1.25, "tiled/sum_accuracy": 0.5},
    ]
    resumed.add({"step": 30, "loss": 0.75})
    resumed.save()
    assert [row["loss"] for row in read_history(tmp_path)] == [2.5, 1.25, 0.75]
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["10", "20", "30"]
    assert [row["tiled/sum_accuracy"] for row in rows] == ["", "0.5", ""]


def test_a_goal_is_for_every_validation_set_of_the_last_row(tmp_path):
    history = History(tmp_path, last_step=0)
    assert not history.reaches(0.0)
    history.add({"step": 10, "a/sum_accuracy": 0.99, "b/sum_accuracy": 0.5})
    assert history.reaches(0.5) and not history.reaches(0.51)
    history.add({"step": 20, "loss": 1.0, "a/sum_nll": 2.0})
    assert not history.reaches(0.5)
    # The decoder's sums are rounded; where there are both, the likeliest count.
    history.add({"step": 30, "a/rounded_sum_accuracy": 0.75})
    assert history.reaches(0.75) and not history.reaches(0.76)
    history.add({"step": 30, "a/sum_accuracy": 0.5})
    assert not history.reaches(0.75)


def test_a_goal_is_reached_by_an_accuracy_in_float32(tmp_path):
    history = History(tmp_path, last_step=0)
    history.add({"step": 10, "tiled/sum_accuracy": float(np.float32(0.95))})
    assert history.reaches(0.95) and not history.reaches(0.9501)


@pytest.mark.parametrize(
    "content",
    [
        "[{}]",
        "{}",
        "[1]",
        '[{"step": 1.5}]',
        '[{"step": -1}]',
        '[{"step": 1, "loss": "x"}]',
        '[{"step": 1, "loss": {"a": 1}}]',
        "[[",
    ],
)
def test_a_broken_history_is_named(tmp_path, content):
    (tmp_path / "history.json").write_text(content)
    with pytest.raises(UserError, match="history.json must be .* Received"):
        read_history(tmp_path)
