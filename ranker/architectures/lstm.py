"""Long short-term memory over the history (Hochreiter, Schmidhuber, Neural Computation 1997)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ranker.registry import NamedOptions

if TYPE_CHECKING:
    import tensorflow as tf


class Options(NamedOptions):
    """Knobs of the LSTM."""

    name: Literal["lstm"] = "lstm"
    units: Annotated[int, Field(description="width of each LSTM layer's hidden and cell state", gt=0)] = 128
    layers: Annotated[int, Field(description="LSTM layers, one above the other", gt=0)] = 1


def build(options: Options, width: int, dropout: float) -> tf.keras.layers.Layer:
    """An LSTM from [B, T, width] to [B, T, width].

    Every setting is one that cuDNN's kernel takes: tanh, sigmoid, bias, no recurrent dropout, not unrolled.

    Args:
        options: the knobs.
        width: of the embeddings that come in, and of the queries that go out.
        dropout: share of each LSTM layer's output that is dropped in training.
    """
    import tensorflow as tf

    from ranker.layers import RecurrentStack

    layers = [
        tf.keras.layers.LSTM(options.units, return_sequences=True, name=f"lstm_{n}") for n in range(options.layers)
    ]
    return RecurrentStack(layers, [options.units, options.units] * options.layers, width, dropout, name="lstm")
