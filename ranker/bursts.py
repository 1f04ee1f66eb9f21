"""Means over the events since the last pause, beside what an architecture makes of a history.

People act in bursts: a page of ratings sent off at once, a session, a visit. The running averages of ranker.averages
count events and don't see where one burst ends and the next begins; these means begin anew there. Like those they are
kept as sums, so one event more costs one addition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from ranker.averages import added, means, mixed, mixed_once

if TYPE_CHECKING:
    from collections.abc import Sequence


class Bursts(tf.keras.layers.Layer):
    """Matrices times the means of what goes into an architecture since the last pause of each length.

    Args:
        width: of inputs and outputs.
        pauses: buckets of history_gap; a gap above such a bucket ends a burst. An unknown gap ends none.
    """

    def __init__(self, width: int, pauses: Sequence[int]) -> None:
        super().__init__(name="bursts")
        self.pauses = tuple(pauses)
        self.weigh = tf.keras.layers.Dense(width, use_bias=False)
        self.state_sizes = (width * len(self.pauses), len(self.pauses))  # sums, and events in them

    def call(self, inputs: tf.Tensor, gaps: tf.Tensor, last: tf.Tensor | None = None) -> tf.Tensor:
        """inputs: [B, T, width]; gaps: [B, T] int64 -> [B, T, width]; [B, width] at the places `last` [B], if given."""
        ended = tf.cast(tf.transpose(self._ended(gaps), [0, 2, 1]), tf.int32)
        burst = tf.cumsum(ended, axis=2)  # its number: [B, R, T]
        if last is None:
            same = tf.cast(burst[:, :, :, tf.newaxis] == burst[:, :, tf.newaxis], inputs.dtype)
            same = tf.linalg.band_part(same, -1, 0)  # up to each position: [B, R, T, S]
            shares = tf.transpose(same / tf.reduce_sum(same, axis=3, keepdims=True), [0, 2, 3, 1])
            return mixed(self.weigh, inputs, shares)
        now = tf.gather(burst, last, axis=2, batch_dims=1)[:, :, tf.newaxis]
        before = tf.range(tf.shape(gaps)[1]) <= tf.cast(last, tf.int32)[:, tf.newaxis]
        same = tf.cast((burst == now) & before[:, tf.newaxis], inputs.dtype)  # [B, R, S]
        shares = tf.transpose(same / tf.reduce_sum(same, axis=2, keepdims=True), [0, 2, 1])
        return mixed_once(self.weigh, inputs, shares)

    def step(self, x: tf.Tensor, gap: tf.Tensor, states: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """States after one position more.

        Args:
            x: [B, width].
            gap: [B] int64, before it.
            states: [B, state_sizes[i]] each; zeros before the first position.
        """
        sums, counts = states
        return added(sums, counts, x, tf.cast(~self._ended(gap), x.dtype))

    def output(self, states: Sequence[tf.Tensor]) -> tf.Tensor:
        """What stands at the position that led to these states: [B, width]."""
        sums, counts = states
        return self.weigh(means(sums, counts))

    def _ended(self, gaps: tf.Tensor) -> tf.Tensor:
        """[...] int64 -> [..., R] bool: which bursts end before each event."""
        return gaps[..., tf.newaxis] > tf.constant(self.pauses, gaps.dtype)
