"""Tables as a terminal shows them."""

from mnist_sum_tf.evaluation_tables import format_files, format_table


def test_accuracies_are_percentages_and_what_is_missing_a_dash():
    results = {"x": {"num_images": 1, "sum_accuracy": 0.5, "sum_mae": 0.25}}
    header, row = format_table(results).splitlines()
    assert len(header) == len(row)
    assert row.split() == ["x", "1", "-", "-", "50.00%", "-", "0.2500", "-", "-"]


def test_files_stand_one_to_a_line():
    file = {
        "image": "my photo.jpg",
        "actual": 17,
        "probability_of_actual": 0.0312,
        "read": 8,
        "probability_of_read": 0.95,
    }
    header, row = format_files([file]).splitlines()
    assert len(header) == len(row)
    assert row.split() == ["my", "photo.jpg", "17", "3.1%", "8", "95.0%"]
