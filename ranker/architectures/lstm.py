"""Long short-term memory over the history (Hochreiter, Schmidhuber, Neural Computation 1997)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ranker.recurrent_options import RecurrentOptions

if TYPE_CHECKING:
    import tensorflow as tf


class Options(RecurrentOptions):
    """Knobs of the LSTM."""

    name: Literal["lstm"] = "lstm"


def build(options: Options, width: int, dropout: float, window: int) -> tf.keras.layers.Layer:
    """An LSTM from [B, T, width] to [B, T, width].

    Every setting is one that cuDNN's kernel takes, whatever the knobs: tanh, sigmoid, bias, not unrolled, and none of
    Keras' recurrent dropout, in whose place weights are dropped before the kernel sees them.

    Args:
        options: the knobs.
        width: of the embeddings that come in, and of the queries that go out.
        dropout: share of each LSTM layer's output that is dropped in training.
        window: of no concern to an LSTM.
    """
    import tensorflow as tf

    from ranker.layers import RecurrentStack

    layers = [
        tf.keras.layers.LSTM(options.units, return_sequences=True, name=f"lstm_{n}") for n in range(options.layers)
    ]
    return RecurrentStack(
        layers,
        [options.units, options.units] * options.layers,
        width,
        dropout,
        recurrent_dropout=options.recurrent_dropout,
        residual=options.residual,
        layer_norm=options.layer_norm,
        name="lstm",
    )
