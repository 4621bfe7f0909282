"""What a run tells of its progress."""

import types

from mnist_sum_tf import config
from mnist_sum_tf.training import journal
from mnist_sum_tf.training.task import Task


def test_seconds_are_told_as_minutes(tmp_path, monkeypatch, capsys):
    task = Task(
        build_model=None,
        build_evaluated=None,
        evaluated_outputs=(),
        loss=None,
        train_data=None,
        validation_data={},
    )
    settings = config.Config("encoder", "digits", global_batch_size=500)
    clock = types.SimpleNamespace(monotonic=lambda: 190.0)
    monkeypatch.setattr(journal, "time", clock)
    with journal.Journal(
        task, settings, tmp_path, saved=None, step=0, writes=True, started=100.0
    ) as told:
        told.evaluate(3, model=None)
    expected = "step 3: 1.50 minutes of this run, 1,500 images seen\n"
    assert expected in capsys.readouterr().out
