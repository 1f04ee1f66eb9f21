"""Gated recurrent units over the history (Cho et al., EMNLP 2014), as GRU4Rec has them (Hidasi et al., ICLR 2016).

The reset gate is applied after the product with the recurrent weights, as in cuDNN's kernel; the paper's is before it.
GRU4Rec learns at the end of each session; here every position is learnt, with whatever loss is configured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ranker.recurrent_options import RecurrentOptions

if TYPE_CHECKING:
    import tensorflow as tf


class Options(RecurrentOptions):
    """Knobs of the GRU."""

    name: Literal["gru"] = "gru"


def build(options: Options, width: int, dropout: float, window: int) -> tf.keras.layers.Layer:
    """A GRU from [B, T, width] to [B, T, width].

    Every setting is one that cuDNN's kernel takes, whatever the knobs: tanh, sigmoid, bias, reset after the product,
    not unrolled, and none of Keras' recurrent dropout, in whose place weights are dropped before the kernel sees them.

    Args:
        options: the knobs.
        width: of the embeddings that come in, and of the queries that go out.
        dropout: share of each GRU layer's output that is dropped in training.
        window: of no concern to a GRU.
    """
    import tensorflow as tf

    from ranker.layers import RecurrentStack

    layers = [
        tf.keras.layers.GRU(options.units, reset_after=True, return_sequences=True, name=f"gru_{n}")
        for n in range(options.layers)
    ]
    return RecurrentStack(
        layers,
        [options.units] * options.layers,
        width,
        dropout,
        recurrent_dropout=options.recurrent_dropout,
        residual=options.residual,
        layer_norm=options.layer_norm,
        name="gru",
    )
