"""The page: everything within, everything escaped, every picture a file too."""

import base64
import html.parser
import re

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from mnist_sum_tf import answers, config, evaluation, evaluation_data
from mnist_sum_tf.data.digits import Digits
from mnist_sum_tf.models.decoder import build_decoder
from mnist_sum_tf.models.encoder import build_encoder
from mnist_sum_tf.models.sum_model import build_sum_model
from mnist_sum_tf.reports import data_flow, evaluation_report, files, page, plots
from mnist_sum_tf.user_errors import UserError

NAME = '<script>alert("&")</script>'
PICTURES = {
    "accuracy",
    "confusion",
    "data_flow",
    "error_by_sum",
    "predicted_against_actual",
    "reliability",
    "risk_coverage",
}


class Reader(html.parser.HTMLParser):
    """Gathers tags, attributes and texts; fails where tags do not close."""

    VOID = ("meta", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def sum_model():
    return build_sum_model(build_encoder(base_channels=2), build_decoder())


def some_answers(number, name, has_digit_labels=True):
    rng = np.random.default_rng(number)
    images = rng.integers(0, 256, (number, 40, 168, 1), np.uint8)
    digits = rng.integers(0, 10, (number, 4)).astype(np.int32)
    labels = {"sum": digits.sum(-1).astype(np.int32)}
    if has_digit_labels:
        labels["digits"] = digits
    images = keras.ops.convert_to_tensor(images)
    labels = {key: keras.ops.convert_to_tensor(v) for key, v in labels.items()}
    return lambda model: answers.collect(model, [(images, labels)], name)


@pytest.fixture(scope="module")
def written(sum_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    found = {
        NAME: some_answers(60, NAME)(sum_model),
        "plain": some_answers(70, "plain")(sum_model),
    }
    evaluated = evaluation.confidence_by_name(found)
    evaluation.write_page(sum_model, found, evaluated, folder)
    return folder


def test_the_page_holds_all_it_shows(written):
    text = (written / "report.html").read_text(encoding="utf-8")
    reader = Reader(text)
    assert not re.search(r"https?:|url\(|@import", text)
    assert not reader.of("link") and not reader.of("script")
    sources = [image["src"] for image in reader.of("img")]
    # Seven pictures and the hundred worst of 130 images.
    assert len(sources) == len(PICTURES) + 100
    start = "data:image/png;base64,"
    assert all(source.startswith(start) for source in sources)
    assert all(image["alt"] for image in reader.of("img"))
    embedded = {base64.b64decode(source[len(start) :]) for source in sources}
    for name in PICTURES:
        assert (written / f"{name}.png").read_bytes() in embedded
    expected = {f"{name}.png" for name in PICTURES | {"worst"}}
    assert {path.name for path in written.iterdir()} == (expected | {"report.html"})


def test_names_are_escaped(written):
    text = (written / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert NAME in Reader(text).texts


def test_figures_of_the_tables(written, sum_model):
    text = (written / "report.html").read_text(encoding="utf-8")
    texts = Reader(text).texts
    total = sum_model.count_params()
    assert any(each.startswith(f"{total:,} numbers, ") for each in texts)
    assert texts[texts.index("block1_conv1") :][:4] == [
        "block1_conv1",
        "kernel",
        "3×3×1×2",
        "18",
    ]


def test_sums_alone_make_a_page_too(sum_model, tmp_path):
    found = {"sums": some_answers(20, "sums", has_digit_labels=False)(sum_model)}
    evaluated = evaluation.confidence_by_name(found)
    (tmp_path / "confusion.png").touch()  # of an earlier evaluation
    evaluation.write_page(sum_model, found, evaluated, tmp_path)
    assert not (tmp_path / "confusion.png").exists()
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(Reader(text).of("img")) == len(PICTURES) - 1 + 20


def test_a_folder_that_cannot_be_written_is_named(sum_model, tmp_path):
    (tmp_path / "file").write_text("")
    found = {"some": some_answers(5, "some")(sum_model)}
    evaluated = evaluation.confidence_by_name(found)
    with pytest.raises(UserError, match="--output_dir must be a folder"):
        evaluation.write_page(sum_model, found, evaluated, tmp_path / "file")
    with pytest.raises(UserError, match="--workdir must be .*/file': "):
        evaluation.write_json({}, tmp_path / "file" / "r.json", flag="--workdir")


def test_a_folder_that_cannot_be_written_is_named_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="--output_dir must be .*/file': Not a dir"):
        evaluation.evaluate_and_report(None, None, tmp_path / "file")


def test_names_of_folders_are_no_formulas_and_are_written_in_utf8(tmp_path):
    name = "$5_$ \udcff"
    (tmp_path / name).mkdir()
    image = np.zeros((40, 168), np.uint8)
    image[10:30, 20:40] = 255
    PIL.Image.fromarray(image).save(tmp_path / name / "0001.png")
    data = config.DataConfig(images=str(tmp_path / name))
    ((shown, dataset),) = evaluation_data.choose_datasets([], data).items()
    assert shown == f"{tmp_path}/$5_$ \\udcff"
    ((_, labels),) = dataset
    assert labels["name"].numpy().tolist() == [b"0001.png"]
    files.figure_png(plots.accuracy_by_dataset({shown: (1, 2)}))


def test_what_is_said_of_a_bad_image():
    worst = answers.WorstImage(
        "tiled",
        np.zeros((40, 168)),
        (1, 2, 3, 4),
        10,
        (1, 2, 3, 9),
        15,
        probability=0.75,
        true_probability=0.2,
    )
    assert evaluation_report.describe(worst) == [
        "read 1 2 3 9 = 15, 75.0%",
        "true 1 2 3 4 = 10, 20.0%",
        "tiled",
    ]
    worst = worst._replace(true_digits=None)
    assert evaluation_report.describe(worst)[1] == "true 10, 20.0%"


def test_a_model_without_weights_has_no_table():
    images = keras.Input((40, 168, 1))
    (words,) = evaluation_report.describe_size(keras.Model(images, images))
    assert words == "<p>A model file, whose layers cannot be listed.</p>"


def test_html_is_escaped_once():
    row = page.table(["<a>"], [[page.Raw("<b>x</b>"), "1 < 2"]])
    assert "&lt;a&gt;" in row and "<b>x</b>" in row and "1 &lt; 2" in row
    assert page.escape(page.escape("&")) == "&amp;"


def test_the_example_shows_the_digits_it_is_made_of(digit_images, digit_labels):
    """Each box's brightness names it: 100, 101, ... for the classes 0, 1, ..."""
    asked = []

    def model(images):
        asked.append(images.numpy())
        return {
            "digit_probabilities": tf.zeros([1, 4, 10]),
            "sum_probabilities": tf.zeros([1, 37]),
            "sum": tf.constant([6.5]),
        }

    example = data_flow.make_example(model, Digits(digit_images, digit_labels))
    assert example.decoder_sum == 6.5
    assert (asked[0][0, ..., 0] == example.image).all()
    shown = [digit.max() for digit in example.digits]
    assert sorted(shown) == [100, 101, 102, 103]
    # From left to right, as the composite has them.
    brightness = example.image.max(0)
    columns = [np.flatnonzero(brightness == value) for value in shown]
    places = [column.mean() for column in columns]
    assert places == sorted(places)
