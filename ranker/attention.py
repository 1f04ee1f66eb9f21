"""Causal self-attention and the blocks of a transformer."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ranker.dropout import Dropout
from ranker.layers import at, lookup

_RANGE = 0.05  # of the uniform initial values of positions, as for items


class CausalAttention(tf.keras.layers.Layer):
    """Scaled dot-product attention to the positions up to each one (Vaswani et al., NeurIPS 2017).

    Of each head h, with the causal mask M (0, or -inf where a position would look ahead):

        softmax(Q_h K_h' / sqrt(d) + M) V_h

    Keras' MultiHeadAttention is the same but for its dropout, whose randomness no checkpoint reaches.

    Args:
        heads: of width // heads (at least 1) dimensions each.
        width: of what comes out.
        dropout: share of the attention's weights that is dropped in training.
    """

    def __init__(self, heads: int, width: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.size = heads, max(width // heads, 1)
        self.inputs = tf.keras.layers.Dense(3 * heads * self.size)
        self.dropout = Dropout(dropout)
        self.outputs = tf.keras.layers.Dense(width)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """x: [B, T, D] -> [B, T, width]."""
        rows, length = tf.unstack(tf.shape(x)[:2])
        parts = tf.reshape(self.inputs(x), [rows, length, 3, self.heads, self.size])
        queries, keys, values = tf.unstack(parts, axis=2)
        logits = tf.einsum("bthd,bshd->bhts", queries * self.size**-0.5, keys)
        ahead = tf.range(length)[tf.newaxis] > tf.range(length)[:, tf.newaxis]
        # 16 bits are too few for a sum over many positions.
        logits = tf.where(ahead, -float("inf"), tf.cast(logits, tf.float32))
        weights = self.dropout(tf.cast(tf.nn.softmax(logits), x.dtype), training=training)
        mixed = tf.einsum("bhts,bshd->bthd", weights, values)
        return self.outputs(tf.reshape(mixed, [rows, length, self.heads * self.size]))


class Transformer(tf.keras.layers.Layer):
    """Positions, then blocks of attention and of a feed-forward network, each around its normalised input.

    Args:
        blocks: one above the other.
        heads: of each attention.
        inside: width of the feed-forward networks' inside.
        width: of what goes in and comes out.
        window: number of positions that are told apart; those beyond count as the last.
        dropout: share of what each attention and feed-forward network puts out that is dropped in training.
    """

    def __init__(
        self, *, blocks: int, heads: int, inside: int, width: int, window: int, dropout: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.positions = self.add_weight(
            name="positions",
            shape=[window, width],
            initializer=tf.keras.initializers.RandomUniform(-_RANGE, _RANGE),
        )
        self.parts = []
        for _ in range(blocks):
            self.parts.append(_Part(CausalAttention(heads, width, dropout), dropout))
            self.parts.append(_Part(_FeedForward(inside, width, dropout), dropout))
        self.norm = tf.keras.layers.LayerNormalization()

    def call(self, inputs: tf.Tensor, training: bool = False, last: tf.Tensor | None = None) -> tf.Tensor:
        """inputs: [B, T, width] -> [B, T, width]; [B, width] at the places `last` [B], if given."""
        window = self.positions.shape[0]
        positions = lookup(tf.convert_to_tensor(self.positions), tf.minimum(tf.range(tf.shape(inputs)[1]), window - 1))
        x = inputs + positions
        for part in self.parts:
            x = part(x, training=training)
        return at(self.norm(x), last)


class _Part(tf.keras.layers.Layer):
    """x + dropout(inner(norm(x))): [B, T, width] -> [B, T, width]."""

    def __init__(self, inner: tf.keras.layers.Layer, dropout: float) -> None:
        super().__init__()
        self.inner, self.norm, self.dropout = inner, tf.keras.layers.LayerNormalization(), Dropout(dropout)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return x + self.dropout(self.inner(self.norm(x), training=training), training=training)


class _FeedForward(tf.keras.layers.Layer):
    """Two dense layers with a rectifier and dropout between: [B, T, width] -> [B, T, width]."""

    def __init__(self, inside: int, width: int, dropout: float) -> None:
        super().__init__()
        self.first, self.dropout = tf.keras.layers.Dense(inside, "relu"), Dropout(dropout)
        self.second = tf.keras.layers.Dense(width)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.second(self.dropout(self.first(x), training=training))
