"""Interpolates between a model's weights and those it was fine-tuned from."""

import keras

from mnist_sum_tf.models.encoder import channels_of
from mnist_sum_tf.user_errors import UserError


def blend_encoders(model: keras.Model, other: keras.Model, share: float) -> None:
    """Moves a model's encoder towards the one that it was fine-tuned from.

    Keeps what fine-tuning gained and loses less of what was there: Wortsman
    et al., "Robust fine-tuning of zero-shot models" (2022). Two encoders that
    were trained apart give nonsense in between.

    Args:
        model: a sum model; its encoder is changed.
        other: the sum model, of the same size, from which training continued.
        share: of `model`'s own weights, 0 to 1.

    Raises:
        UserError: if the sizes differ or the share is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise UserError(f"--blend_share must be from 0 to 1. Received: {share}")
    own, others = (each.get_layer("encoder").weights for each in (model, other))
    theirs, ours = (channels_of(each.get_layer("encoder")) for each in (other, model))
    if theirs != ours:
        raise UserError(
            "--blend_with must be a model of the same size. Received: blocks of "
            f"{','.join(map(str, theirs))} channels, here {','.join(map(str, ours))}"
        )
    for weight, other_weight in zip(own, others):
        weight.assign(share * weight + (1 - share) * other_weight)
