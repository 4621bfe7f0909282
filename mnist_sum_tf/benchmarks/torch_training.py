"""The training step of the PyTorch twin, beside ours."""

from mnist_sum_tf.benchmarks.settings import PRECISIONS, Settings
from mnist_sum_tf.benchmarks.timing import Measurement, rates, time_side_by_side
from mnist_sum_tf.benchmarks.trainers import trainer
from mnist_sum_tf.runtimes.packages import import_package

LEARNING_RATE = 1e-3
CLIP_NORM = 1.0
BASELINE = "PyTorch"
PAUSE_SECONDS = 0.02


def measure(settings: Settings) -> list[Measurement]:
    """Ours and PyTorch's in turn; ratios are to PyTorch.

    Ours does more in a step: it averages the weights, and looks out for
    numbers that are not finite. PyTorch's Adam is its fastest on a processor.

    Raises:
        UserError: if PyTorch is not installed.
    """
    import_package("torch", extra="benchmark")
    found = []
    for base_channels, batch_size in settings.compared_batch_size:
        for precision in PRECISIONS:
            ours = trainer(base_channels, precision, batch_size, normalized=False)
            runs = {
                BASELINE: torch_step(ours.batch, base_channels, precision),
                "PyTorch, channels last": torch_step(
                    ours.batch, base_channels, precision, channels_last=True
                ),
                "mnist_sum_tf": ours.take_step,
            }
            seconds = time_side_by_side(runs, settings.budget, PAUSE_SECONDS)
            found += rates(
                f"{base_channels} base channels, {precision}, batches of {batch_size}",
                "images/s",
                seconds,
                batch_size,
                BASELINE,
            )
    return found


def torch_step(batch, base_channels: int, precision: str, channels_last: bool = False):
    """A function that learns once from a batch, in PyTorch.

    Args:
        batch: images and labels, see `datasets`.
        base_channels: of the encoder.
        precision: `"mixed_bfloat16"` is PyTorch's autocast.
        channels_last: whether images and kernels lie in memory as ours do.

    Returns:
        A function that returns the loss before the step.
    """
    import torch

    from mnist_sum_tf.torch_bridge import twin

    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = twin.MNISTDigitModel(base_channels).to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
    uint8 = batch[0].numpy()
    digits = torch.from_numpy(batch[1]["digits"].numpy()).long()

    def step():
        images = twin.normalised(uint8).contiguous(memory_format=layout)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(
            "cpu", torch.bfloat16, enabled=precision == "mixed_bfloat16"
        ):
            logits = model(images)
        # Four cross-entropies per image are added up, as ours are.
        loss = 4 * torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1), digits.flatten()
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        return loss.item()

    return step
