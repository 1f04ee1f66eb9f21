"""Items of a user's past as no candidates in training, as they are none in answers.

Where answers leave out what a user has seen, a softmax over the whole catalogue spends most of its strength on learning
to do the same, item by item. Left out of the loss, too, those scores are free.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from schemas.features import FIRST_ITEM


@dataclasses.dataclass(frozen=True, eq=False)
class Past:
    """What N positions have behind them.

    Columns are an id less FIRST_ITEM; a position's own label is never left out.

    Args:
        ids: [B, M] int64 ids, oldest first; what has no column (padding, unknown) is passed over.
        rows: [N] int64, the row of `ids` that each position belongs to.
        upto: [N] int64, how many of the row's ids are behind the position.
        labels: [N] int64 columns.
        size: number of columns, n.
    """

    ids: tf.Tensor
    rows: tf.Tensor
    upto: tf.Tensor
    labels: tf.Tensor
    size: int

    def adjust(self, columns: tf.Tensor | None) -> tf.Tensor:
        """What ranker.losses calls adjust, for the past alone: float32, 0 or -inf.

        Args:
            columns: int64 [S], the same for every position, or [N, S]; None: every column.
        Returns: [N, S], or [N, n].
        """
        if columns is None:
            return self._everywhere()
        if columns.shape.rank == 1:
            seen = self._at(columns) & (columns != self.labels[:, tf.newaxis])
        else:
            behind = self._behind()[:, tf.newaxis, :]
            same = columns[:, :, tf.newaxis] == behind
            seen = tf.reduce_any(same, axis=2) & (columns != self.labels[:, tf.newaxis])
        return tf.where(seen, -float("inf"), 0.0)

    def _behind(self) -> tf.Tensor:
        """Columns behind each position, -1 where there is none: [N, M]."""
        column = tf.gather(self.ids, self.rows) - FIRST_ITEM
        there = tf.range(tf.shape(column, tf.int64)[1]) < self.upto[:, tf.newaxis]
        return tf.where(there & (column >= 0) & (column < self.size), column, -1)

    def _everywhere(self) -> tf.Tensor:
        behind = self._behind()
        left_out = (behind >= 0) & (behind != self.labels[:, tf.newaxis])
        shape = tf.shape(behind, tf.int64)
        place = tf.broadcast_to(tf.range(shape[0])[:, tf.newaxis], shape)
        # What isn't left out adds a zero to the first column: so shapes don't depend on values, as XLA wants it.
        places = tf.stack([place, tf.where(left_out, behind, 0)], axis=-1)
        values = tf.where(left_out, -float("inf"), 0.0)
        return tf.scatter_nd(places, values, tf.stack([shape[0], tf.constant(self.size, tf.int64)]))

    def _at(self, columns: tf.Tensor) -> tf.Tensor:
        """[S] -> [N, S] bool: what is behind each position. Row by row first, since a row has many positions."""
        same = (self.ids - FIRST_ITEM)[:, :, tf.newaxis] == columns
        never = tf.shape(self.ids, tf.int64)[1]
        first = tf.where(tf.reduce_any(same, axis=1), tf.argmax(tf.cast(same, tf.uint8), axis=1), never)
        return tf.gather(first, self.rows) < self.upto[:, tf.newaxis]
