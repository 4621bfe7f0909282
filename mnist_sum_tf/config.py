"""All settings of an experiment, each with its default, in one place."""

import dataclasses
import json
import os
from typing import Any

IMAGE_HEIGHT = 40
IMAGE_WIDTH = 168
CANVAS_SHAPE = (IMAGE_HEIGHT, IMAGE_WIDTH)
IMAGE_SHAPE = (*CANVAS_SHAPE, 1)
DIGIT_SIZE = 28  # pixels, of MNIST
NUM_DIGITS = 4
CELL_WIDTH = IMAGE_WIDTH // NUM_DIGITS
NUM_CLASSES = 10
NUM_SUMS = NUM_DIGITS * (NUM_CLASSES - 1) + 1  # 0, 1, ..., 36
NUM_BLOCKS = 5  # of the encoder
# Every model is evaluated alike.
EVALUATION_BATCH_SIZE = 250
EVALUATION_SEED = 0

LAYOUTS = ("tiled", "scattered", "assignment", "separate", "cropped", "mixed")
PRECISIONS = ("auto", "float32", "mixed_bfloat16")
PRESETS = ("compact", "speedrun", "original")
SCHEDULES = ("cosine", "constant")
SPLITS = ("train", "validation", "test")
STAGES = ("cell_reader", "encoder", "decoder", "sum_model")
# What each stage may learn by; see `Config.objective`.
OBJECTIVES = {
    "cell_reader": ("distribution",),
    "encoder": ("digits",),
    "decoder": ("expected_sum", "one_hot_sum"),
    "sum_model": ("distribution", "regression"),
}
# Those of the sum model in which its decoder learns, too.
THROUGH_DECODER = ("regression",)
# Stages of an encoder, which learns from images.
IMAGE_STAGES = ("encoder", "sum_model")
STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Settings of the training data.

    Attributes:
        digits: `"bundled"`, `"tfds"`, or the path of an `.npz` in the Keras layout.
        tfds_data_dir: where TensorFlow Datasets keeps its data; its own default
            where `None`.
        layout: how composites are laid out, one of `LAYOUTS`.
        deformed: whether digits of other layouts are deformed as those of `mixed` are.
        deformation_strength: factor on the default deformation, in [0, 1].
        degradation_share: factor on the default number of images of `mixed` that
            are degraded (noise, blur, stray lines, ...) in training, in [0, 1].
        mixup_share: share of the encoder's training images whose digits, and their
            labels, are blended with others.
        validates_all_layouts: whether validation composites come in several
            layouts beside `layout`, or in it alone.
        images: what to learn from in place of composites, see
            `labelled_images.read_labelled_images`.
        sums: likewise; `None` for labelled PNGs.
        augmented: whether the user's own images are moved, rotated, deformed
            and thickened at random in training.
        train_fraction: the share of a person's own images that is trained on; half
            of the rest validates, the other half tests.
    """

    digits: str = "bundled"
    tfds_data_dir: str | None = None
    layout: str = "mixed"
    deformed: bool = False
    deformation_strength: float = 1.0
    degradation_share: float = 1.0
    mixup_share: float = 0.0
    validates_all_layouts: bool = True
    images: str | None = None
    sums: str | None = None
    augmented: bool = False
    train_fraction: float = 0.8


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The encoder's size.

    Attributes:
        base_channels: channels of the first of five blocks, doubled by each next.
        block_channels: channels of each of the five, in place of `base_channels`.
        dropout_rate: dropout after each block and after the hidden dense layer.
        normalized: whether batches are normalised before each ReLU while it
            learns; what is evaluated and exported does without.
    """

    base_channels: int = 16
    block_channels: tuple[int, ...] | None = None
    dropout_rate: float = 0.1
    normalized: bool = False

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each of the five blocks."""
        if self.block_channels is None:
            return doubled_channels(self.base_channels)
        return tuple(self.block_channels)

    def with_channels(self, channels) -> "ModelConfig":
        """A copy with these channels, expressed by the simpler of the two settings."""
        channels = tuple(channels)
        base_channels = channels[0]
        if channels == doubled_channels(base_channels):
            channels = None
        return dataclasses.replace(
            self, base_channels=base_channels, block_channels=channels
        )


def doubled_channels(base_channels: int) -> tuple[int, ...]:
    """`base_channels`, and for each next block twice as many."""
    return tuple(base_channels * 2**block for block in range(NUM_BLOCKS))


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Adam and its schedule.

    Attributes:
        learning_rate: the peak learning rate.
        schedule: `"cosine"` (warm-up, then down to zero) or `"constant"`.
        warmup_steps: steps of linear warm-up of the cosine schedule.
        gradient_clip_norm: largest global norm of the gradient; `None` clips none.
        weight_decay: a step of rate r takes the share r * weight_decay off every
            kernel (Loshchilov and Hutter, "Decoupled weight decay
            regularization", 2019); 0 leaves them.
        average_decay: decay per step of the exponential average of the weights,
            which is what gets evaluated and exported; 0 keeps the last weights.
    """

    learning_rate: float = 1e-3
    schedule: str = "cosine"
    warmup_steps: int = 200
    gradient_clip_norm: float | None = 1.0
    weight_decay: float = 0.0
    average_decay: float = 0.9995


@dataclasses.dataclass(frozen=True)
class Config:
    """One training stage.

    Attributes:
        stage: one of `STAGES`.
        objective: what the loss compares, one of `OBJECTIVES` of the stage.
        preset: the name the settings started from.
        seed: the seed of everything random.
        total_steps: optimizer steps of the whole run.
        global_batch_size: examples per step over all devices.
        precision: one of `PRECISIONS`.
        strategy: one of `STRATEGIES`.
        decorrelation: weight of `losses.slot_covariance` in the sum model's loss:
            makes slots read digits when trained on sums alone; 0 leaves it out.
        train_encoder: whether the sum model's encoder learns (the original froze it).
        initial_model: exported model, or .npz of layers, whose weights to start from;
            random ones where `None`.
        teacher: another such model, of any size, or several with commas between; the
            encoder learns their mean probabilities for each composite before
            degradation, in place of labels.
        checkpoint_every_steps: steps between two checkpoints.
        evaluate_every_steps: steps between two evaluations on validation data.
        stop_at_accuracy: training ends as soon as so large a share of the sums
            is read right in each validation set; `None`, or one above 1, takes
            all steps.
        log_every_steps: steps over which one line of the history averages.
        skip_non_finite: how many steps of a run may be left out because their
            loss or gradient is not finite; one more stops the run.
        deterministic: whether every operation must give the same bits each time
            (slower on GPUs; processors do so anyway).
        data, model, optimizer: the parts.
    """

    stage: str
    objective: str
    preset: str = "compact"
    seed: int = 0
    total_steps: int = 12_000
    global_batch_size: int = 128
    precision: str = "auto"
    strategy: str = "auto"
    decorrelation: float = 0.0
    train_encoder: bool = True
    initial_model: str | None = None
    teacher: str | None = None
    checkpoint_every_steps: int = 500
    evaluate_every_steps: int = 1_000
    stop_at_accuracy: float | None = None
    log_every_steps: int = 50
    skip_non_finite: int = 0
    deterministic: bool = False
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()

    def to_dict(self) -> dict[str, Any]:
        """The settings as nested dictionaries, as JSON gives them back."""
        text = json.dumps(dataclasses.asdict(self), default=os.fspath)  # of a `Path`
        return json.loads(text)
