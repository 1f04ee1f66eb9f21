"""Parts that architectures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from ranker.dropout import Dropout

if TYPE_CHECKING:
    from collections.abc import Sequence


class RecurrentStack(tf.keras.layers.Layer):
    """Recurrent layers one above the other, dropout after each, and a projection back to the embeddings' width.

    No mask goes in: padding stands on the right and a position never sees later ones, so positions that hold an event
    don't depend on it, and without a mask cuDNN's kernel needs no check of the padding at run time.

    Args:
        layers: Keras RNN layers that return sequences and have a `cell`.
        state_sizes: floats of each state, all layers in order.
        width: of what comes out.
        dropout: share of what each layer puts out that is dropped in training.
    """

    def __init__(
        self, layers: Sequence[tf.keras.layers.RNN], state_sizes: Sequence[int], width: int, dropout: float, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.layers, self.state_sizes = list(layers), tuple(state_sizes)
        self.dropouts = [Dropout(dropout) for _ in self.layers]
        self.projection = tf.keras.layers.Dense(width)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """inputs: [B, T, width] -> [B, T, width], T at least 1."""
        for layer, dropout in zip(self.layers, self.dropouts, strict=True):
            inputs = dropout(layer(inputs), training=training)
        return self.projection(inputs)

    def step(self, x: tf.Tensor, states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """One position more.

        Args:
            x: [B, width].
            states: one [B, state_sizes[i]] each; zeros before the first position.
        Returns: the states after it.
        """
        per_layer = len(self.state_sizes) // len(self.layers)
        after: list[tf.Tensor] = []
        for n, layer in enumerate(self.layers):
            x, new = layer.cell(x, list(states[n * per_layer : (n + 1) * per_layer]))
            after += tf.nest.flatten(new)
        return after

    def output(self, states: Sequence[tf.Tensor]) -> tf.Tensor:
        """What stands at the position that led to these states: [B, width]; a layer's first state is its output."""
        return self.projection(states[-(len(self.state_sizes) // len(self.layers))])


def lookup(table: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """Rows of a table, with a dense gradient.

    Each item's row also gets a gradient from the scores, and TensorFlow would join the two as slices with repeated
    indices: slow to apply, and their norm, which clipping goes by, is wrong.

    Args:
        table: [n, D].
        ids: [...] int, all in [0, n).
    Returns: [..., D].
    """

    @tf.custom_gradient
    def rows(values: tf.Tensor) -> tuple[tf.Tensor, object]:
        def backward(upstream: tf.Tensor) -> tf.Tensor:
            flat = tf.reshape(upstream, [-1, tf.shape(values)[1]])
            return tf.math.unsorted_segment_sum(flat, tf.reshape(ids, [-1]), tf.shape(values)[0])

        return tf.gather(values, ids), backward

    return rows(table)
