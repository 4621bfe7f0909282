"""The layers of a model of models."""

from collections.abc import Iterator

import keras


def innermost_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """A model's layers, and in place of a model among them that one's."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from innermost_layers(layer)
        else:
            yield layer
