"""Names, shapes and sizes of the tensors in the original's state dicts."""

import collections

import numpy as np

from mnist_sum_tf import config
from mnist_sum_tf.models import decoder, encoder

# Name there -> layer here.
ENCODER_LAYERS = {
    f"conv_blocks.{block}.{2 * part}": f"block{block + 1}_conv{part + 1}"
    for block in range(config.NUM_BLOCKS)
    for part in range(2)
} | {"fc.1": "hidden", "fc.4": "logits"}
DECODER_LAYERS = {
    "fc1": "hidden1",
    "fc22": "hidden2",
    "fc2": "hidden3",
    "fc3": "regression",
}
LAYERS = {"encoder": ENCODER_LAYERS, "decoder": DECODER_LAYERS}
# The models within each stage's, with the prefix of their names there.
PARTS = {
    "encoder": {"encoder": ""},
    "decoder": {"decoder": ""},
    "sum_model": {"encoder": "digit_model.", "decoder": "sum_model."},
}
# The dense layer that follows the flattening of a map.
AFTER_FLATTEN = "fc.1"
MAP_SIZE = (
    config.IMAGE_HEIGHT >> config.NUM_BLOCKS,
    config.IMAGE_WIDTH >> config.NUM_BLOCKS,
)


def voted_channels(state: dict, stage: str) -> tuple[int, ...] | None:
    """Channels of each of the encoder's blocks, by majority vote of its tensors.

    Most, so that a single misshapen tensor is named rather than all others. A
    block without tensors is taken to double the one before, as in the original.

    Returns:
        `None` for a decoder, and where no block has a tensor.
    """
    prefix = PARTS[stage].get("encoder")
    if prefix is None:
        return None
    known = {}
    for block in range(config.NUM_BLOCKS):
        votes = _votes(state, prefix, block).most_common(1)
        known |= {block: channels for channels, _ in votes}
    return _with_others_doubled(known) if known else None


def _with_others_doubled(known: dict[int, int]) -> tuple[int, ...]:
    """All blocks' channels; those not known double as the original's do."""
    first = min(known)
    channels = []
    for block in range(config.NUM_BLOCKS):
        doubled = 2 * channels[-1] if channels else max(1, known[first] >> first)
        channels.append(known.get(block, doubled))
    return tuple(channels)


def _votes(state: dict, prefix: str, number: int) -> collections.Counter:
    """Counts the numbers of channels that a block's tensors imply."""
    blocks = f"{prefix}conv_blocks"
    first, second = f"{blocks}.{number}.0", f"{blocks}.{number}.2"
    telling = [
        (f"{first}.bias", 0),
        (f"{second}.bias", 0),
        (f"{first}.weight", 0),
        (f"{second}.weight", 0),
        (f"{second}.weight", 1),
        (f"{blocks}.{number + 1}.0.weight", 1),
    ]
    votes = [
        np.shape(state[key])[axis]
        for key, axis in telling
        if key in state and np.ndim(state[key]) > axis
    ]
    flattened = f"{prefix}{AFTER_FLATTEN}.weight"
    if number == config.NUM_BLOCKS - 1 and np.ndim(state.get(flattened)) > 1:
        votes.append(np.shape(state[flattened])[1] // int(np.prod(MAP_SIZE)))
    return collections.Counter(vote for vote in votes if vote > 0)


def expected_shapes(stage: str, channels: tuple[int, ...] | None) -> dict[str, tuple]:
    """Name -> shape of each tensor, in the original's order."""
    shapes = {}
    for part, prefix in PARTS[stage].items():
        own = _encoder_shapes(channels) if part == "encoder" else _decoder_shapes()
        shapes |= {prefix + key: shape for key, shape in own.items()}
    return shapes


def _encoder_shapes(channels: tuple[int, ...]) -> dict[str, tuple]:
    shapes, inputs = {}, config.IMAGE_SHAPE[-1]
    for block, outputs in enumerate(channels):
        for part in (0, 2):
            key = f"conv_blocks.{block}.{part}"
            shapes |= _layer_shapes(key, outputs, inputs, 3, 3)
            inputs = outputs
    inputs *= int(np.prod(MAP_SIZE))
    units = int(np.prod(encoder.LOGITS_SHAPE))
    shapes |= _layer_shapes("fc.1", encoder.HIDDEN_UNITS, inputs)
    return shapes | _layer_shapes("fc.4", units, encoder.HIDDEN_UNITS)


def _decoder_shapes() -> dict[str, tuple]:
    units = (int(np.prod(encoder.LOGITS_SHAPE)), *decoder.HIDDEN_UNITS, 1)
    shapes = {}
    for key, inputs, outputs in zip(DECODER_LAYERS, units, units[1:]):
        shapes |= _layer_shapes(key, outputs, inputs)
    return shapes


def _layer_shapes(key: str, outputs: int, *others: int) -> dict[str, tuple]:
    return {f"{key}.weight": (outputs, *others), f"{key}.bias": (outputs,)}
