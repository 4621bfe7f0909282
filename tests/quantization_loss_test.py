"""What int8 weights may cost, counted by hand."""

import numpy as np
import pytest
import tensorflow as tf
from format_fixtures import images, skip_without, sum_model

from mnist_sum_tf import answers
from mnist_sum_tf.serving.formats import file_export, quantization_loss
from mnist_sum_tf.user_errors import UserError


@pytest.fixture(scope="module")
def validation(sum_model, images):
    """What the model itself reads in the images, called the truth."""
    digits = np.argmax(sum_model(images)["digit_probabilities"], -1)
    labels = {"digits": digits, "sum": digits.sum(-1)}
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
    return {"its own": dataset}


@pytest.mark.parametrize("given", [None, {}])
def test_int8_needs_images_to_be_evaluated_on(sum_model, tmp_path, given):
    skip_without("model_int8.tflite")
    with pytest.raises(ValueError, match=f"Received: {given}"):
        file_export.export_file(sum_model, tmp_path, "litert", "int8", given)
    assert list(tmp_path.iterdir()) == []


def test_int8_is_evaluated_on_validation_images(
    sum_model, tmp_path, validation, capsys
):
    skip_without("model_int8.tflite")
    path = file_export.export_file(sum_model, tmp_path, "litert", "int8", validation)
    assert path == str(tmp_path / "model_int8.tflite")
    assert "On 7 validation images: digits right 100.00% (float32 100.00%)" in (
        capsys.readouterr().out
    )


def test_the_loss_is_counted_by_hand(sum_model, images, validation):
    """A reader that is wrong about the digits of two images of seven."""
    expected = {k: np.array(v) for k, v in sum_model(images).items()}

    def read(some):
        rows = [np.flatnonzero((images == image).all((1, 2, 3)))[0] for image in some]
        answer = {
            key: expected[key][rows]
            for key in ("digit_probabilities", "sum_probabilities", "sum")
        }
        answer["digits"] = answer["digit_probabilities"].argmax(-1).astype(np.int32)
        answer["most_likely_sum"] = (
            answer["sum_probabilities"].argmax(-1).astype(np.int32)
        )
        return answer

    right = answers.collect(sum_model, validation["its own"], "its own")
    own = quantization_loss.shares_right(right)
    assert own["digits"] == 1
    loss = quantization_loss.measure_loss(sum_model, read, validation)
    assert (loss.num_images, loss.largest) == (7, 0)
    probabilities = expected["digit_probabilities"]
    probabilities[5] = np.roll(probabilities[5], 1, axis=-1)
    # One image is more than 0.1 % of seven, but only one.
    loss = quantization_loss.measure_loss(sum_model, read, validation)
    assert loss.largest == pytest.approx(1 / 7)
    probabilities[6, 2] = np.roll(probabilities[6, 2], 1)
    with pytest.raises(
        UserError, match=r"0\.1% of accuracy, or one image, at most.*right 82\.14%"
    ):
        quantization_loss.measure_loss(sum_model, read, validation)


def test_the_largest_loss_counts():
    loss = quantization_loss.QuantizationLoss(
        1000,
        {"digits": 0.99, "sums": 0.95, "decoder's sums": 0.9},
        {"digits": 0.995, "sums": 0.948, "decoder's sums": 0.897},
    )
    assert loss.largest == pytest.approx(0.003)
    assert str(loss) == (
        "On 1,000 validation images: digits right 99.50% (float32 99.00%), "
        "sums right 94.80% (float32 95.00%), "
        "decoder's sums right 89.70% (float32 90.00%)"
    )


def test_shares_by_hand():
    """One digit of eight, both sums and one of the decoder's sums are wrong."""
    found = answers.Answers(
        np.array([10, 0]),
        np.array([[1, 2, 3, 4], [0, 0, 0, 0]]),
        np.eye(10)[[[1, 2, 3, 5], [0, 0, 0, 0]]],
        np.eye(37)[[11, 1]],
        np.array([10.4, 0.6]),
        [],
    )
    shares = {"digits": 0.875, "sums": 0.0, "decoder's sums": 0.5}
    assert quantization_loss.shares_right(found) == shares
    del shares["digits"]
    assert quantization_loss.shares_right(found._replace(digits=None)) == shares


def test_ten_of_ten_thousand_may_be_lost_and_eleven_not(monkeypatch):
    sums = np.zeros(10_000)

    def misread(count):
        read_sums = np.arange(10_000) < count
        return answers.Answers(sums, None, None, np.eye(37)[1 * read_sums], sums, [])

    found = [misread(0), misread(10), misread(0), misread(11)]
    monkeypatch.setattr(quantization_loss, "_read", lambda *_: found.pop(0))
    assert quantization_loss.measure_loss(None, None, {}).num_images == 10_000
    with pytest.raises(UserError, match=r"sums right 99\.89%"):
        quantization_loss.measure_loss(None, None, {})
