"""One event at a time: the architecture's states, and behind them what ranker.bursts and ranker.long_term keep."""

from __future__ import annotations

import itertools
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
        self._embed, self._architecture = model.embed, model.architecture
        self._bursts, self._long_term = model.bursts, model.long_term
        self._averaged = model.averaged
        bursts = () if self._bursts is None else self._bursts.state_sizes
        own = () if self._long_term is None else (self._long_term.rank,)
        self._counts = [len(part) for part in (model.architecture.state_sizes, bursts, own)]
        self.sizes: tuple[int, ...] = (*model.architecture.state_sizes, *bursts, *own)

    def after(self, features: Mapping[str, tf.Tensor], states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """States after an event.

        Args:
            features: of the model, histories of one position.
            states: [B, sizes[i]] each; zeros before the first event.
        """
        embedded = self._embed(features)[:, 0]
        inner, bursts, sums = self._parts(states)
        after = list(self._architecture.step(embedded, inner))
        if self._bursts is not None:
            after += self._bursts.step(embedded, features[f.HISTORY_GAP][:, 0], bursts)
        if self._long_term is not None:
            after.append(sums[0] + self._long_term.of(features[f.HISTORY][:, 0]))
        return after

    def query(self, states: Sequence[tf.Tensor]) -> tf.Tensor:
        """As SequenceRanker.query, of the events so far: [B, Q]."""
        inner, bursts, sums = self._parts(states)
        query = self._architecture.output(inner)
        if self._bursts is not None:
            query += self._bursts.output(bursts)
        return self._averaged(beside(query, None if self._long_term is None else self._long_term.scaled(sums[0])))

    def _parts(self, states: Sequence[tf.Tensor]) -> list[list[tf.Tensor]]:
        """Of the architecture, of bursts, of the long term."""
        ends = list(itertools.accumulate(self._counts))
        return [list(states[end - count : end]) for count, end in zip(self._counts, ends, strict=True)]
