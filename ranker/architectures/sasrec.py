"""Self-attention over the history, after SASRec (Kang, McAuley, ICDM 2018).

As in the paper: an embedding of each position, blocks of causal self-attention and of a feed-forward network applied
to each position, x + dropout(g(norm(x))) around both, a last normalisation, scores against the items' own embeddings.

Not as in the paper:
- The loss is whatever is configured, by default the cross-entropy over the whole catalogue; the paper's is a binary
  cross-entropy with one drawn negative a position. Scores have a bias of each item, too.
- Histories are padded on the right, and positions count from the oldest event of the window. The paper pads on the
  left, so its positions count from the latest. Being causal, the attention needs no mask of the padding.
- Queries, keys and values are all made of the normalised input, as the paper's text has it; its published code
  normalises the queries' alone. That code also scales the embeddings by the root of their width; we don't.
- Attention ends with a projection, and may have several heads, as in Vaswani et al., NeurIPS 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ranker.registry import NamedOptions

if TYPE_CHECKING:
    import tensorflow as tf


class Options(NamedOptions):
    """Knobs of the transformer."""

    name: Literal["sasrec"] = "sasrec"
    blocks: Annotated[int, Field(description="blocks of attention and feed-forward, one above the other", gt=0)] = 2
    heads: Annotated[int, Field(description="attention heads; the embeddings' width is divided among them", gt=0)] = 1
    expansion: Annotated[
        int, Field(description="width of the feed-forward network's inside, in widths of the embeddings", gt=0)
    ] = 1


def build(options: Options, width: int, dropout: float, window: int) -> tf.keras.layers.Layer:
    """A transformer from [B, T, width] to [B, T, width]. It has no state: each answer reads the whole history.

    Args:
        options: the knobs.
        width: of the embeddings that come in, and of the queries that go out.
        dropout: share of each block's two outputs, and of the attention's weights, that is dropped in training.
        window: number of positions that are told apart.
    """
    from ranker.attention import Transformer

    return Transformer(
        blocks=options.blocks,
        heads=options.heads,
        inside=options.expansion * width,
        width=width,
        window=window,
        dropout=dropout,
        name="sasrec",
    )
