"""What a run leaves: on the machine that writes, and on the others."""

import csv

from mnist_sum_tf.training.records import Records

ROWS = [{"step": 3, "loss": 0.5}, {"step": 6, "loss": 0.25}]


def test_rows_are_kept_and_those_of_later_steps_dropped(tmp_path):
    records = Records(tmp_path, {}, step=0, writes=True)
    for row in ROWS:
        records.add(row)
    records.save()
    records.close()
    with open(tmp_path / "history.csv", newline="") as file:
        assert list(csv.reader(file)) == [["step", "loss"], ["3", "0.5"], ["6", "0.25"]]
    assert len(list((tmp_path / "tensorboard").glob("events.*"))) == 1
    resumed = Records(tmp_path, {}, step=4, writes=True)
    resumed.close()
    assert resumed.history.rows == ROWS[:1]


def test_a_machine_that_does_not_write_keeps_rows_alone(tmp_path):
    records = Records(tmp_path, {}, step=0, writes=False)
    records.add(ROWS[0])
    records.add_images(3, model=None)
    records.save()
    records.close()
    assert records.history.rows == ROWS[:1]
    assert not list(tmp_path.iterdir())
