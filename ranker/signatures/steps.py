"""One event at a time: the architecture's states, and behind them the sums over a past that ranker.long_term keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ranker.long_term import beside
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import tensorflow as tf

    from ranker.model import SequenceRanker


class Steps:
    """What a model whose architecture has states makes of events, one by one.

    Args:
        model: float32.
    """

    def __init__(self, model: SequenceRanker) -> None:
        self._embed, self._architecture, self._long_term = model.embed, model.architecture, model.long_term
        own = () if self._long_term is None else (self._long_term.rank,)
        self.sizes: tuple[int, ...] = (*model.architecture.state_sizes, *own)

    def after(self, features: Mapping[str, tf.Tensor], states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """States after an event.

        Args:
            features: of the model, histories of one position.
            states: [B, sizes[i]] each; zeros before the first event.
        """
        embedded = self._embed(features)[:, 0]
        if self._long_term is None:
            return list(self._architecture.step(embedded, states))
        *inner, sums = states
        own = sums + self._long_term.of(features[f.HISTORY][:, 0])
        return [*self._architecture.step(embedded, inner), own]

    def query(self, states: Sequence[tf.Tensor]) -> tf.Tensor:
        """As SequenceRanker.query, of the events so far: [B, Q]."""
        if self._long_term is None:
            return self._architecture.output(states)
        *inner, sums = states
        return beside(self._architecture.output(inner), self._long_term.scaled(sums))
