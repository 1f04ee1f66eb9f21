"""Items of a user's past as no candidates in training, as they are none in answers.

Where answers leave out what a user has seen, a softmax over the whole catalogue spends most of its strength on learning
to do the same, item by item. Left out of the loss, too, those scores are free.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import tensorflow as tf

from ranker.layers import lookup
from schemas.features import FIRST_ITEM, MOST_PLACES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.age import Aged


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
        whole: there is one position a row, and all of the row is behind it.
    """

    ids: tf.Tensor
    rows: tf.Tensor
    upto: tf.Tensor
    labels: tf.Tensor
    size: int
    whole: bool = False

    @classmethod
    def up_to(cls, ids: tf.Tensor, at: tf.Tensor | None, labels: tf.Tensor, size: int) -> Past:
        """The past of places `at` [N] in the flat ids of [B, T]; None: of the end of each row."""
        shape = tf.shape(ids, tf.int64)
        if at is None:
            return cls(ids, tf.range(shape[0]), tf.fill(shape[:1], shape[1]), labels, size, whole=True)
        return cls(ids, at // shape[1], at % shape[1] + 1, labels, size)

    def __call__(self, columns: tf.Tensor | None) -> tf.Tensor:
        """What ranker.losses calls adjust, for the past alone: float32, 0 or -inf.

        Args:
            columns: int64 [S], the same for every position, or [N, S]; None: every column.
        Returns: [N, S], or [N, n].
        """
        if columns is None:
            return tf.where(self.masks()(tf.range(tf.size(self.labels))), -float("inf"), 0.0)
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

    def with_nothing_behind(self, count: tf.Tensor) -> Past:
        """The same, and so many positions more that have nothing behind them: of an empty row, at the end."""
        upto, labels = (tf.pad(part, [[0, count]]) for part in (self.upto, self.labels))
        rows = tf.pad(self.rows, [[0, count]], constant_values=tf.shape(self.ids, tf.int64)[0])
        return Past(tf.pad(self.ids, [[0, 1], [0, 0]]), rows, upto, labels, self.size)

    def masks(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """What is left out, for every column: from some of the positions, [R] int, to [R, n] bool.

        By where each item stands first in its row: one comparison, where to scatter took three times it.
        """
        first, _ = self._firsts()
        nowhere = first == first.dtype.max
        # In 16 bits, as [R, n] of them are copied: exact, since only ends of rows lie beyond MOST_PLACES.
        first = tf.cast(tf.where(nowhere, tf.int16.max, tf.minimum(first, MOST_PLACES)), tf.int16)
        ends = tf.cast(tf.minimum(self.upto, tf.int16.max), tf.int16)

        def masks(some: tf.Tensor) -> tf.Tensor:
            upto, labels = tf.gather(ends, some), tf.gather(self.labels, some)
            behind = tf.gather(first, tf.gather(self.rows, some)) < upto[:, tf.newaxis]
            own = tf.stack([tf.range(tf.size(labels, tf.int64)), labels], axis=1)
            return tf.tensor_scatter_nd_update(behind, own, tf.zeros_like(labels, tf.bool))

        return masks

    def sums(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sums of columns' vectors over what each position leaves out, and how many columns that is.

        Args:
            values: [n, D] float32; gradients flow to it.
        Returns: [N, D] and [N] float32.
        """
        if self.whole:  # one position a row: less work by columns than by ids
            out = tf.cast(self.masks()(tf.range(tf.size(self.labels))), tf.float32)
            return tf.matmul(out, values), tf.reduce_sum(out, axis=1)
        first, new = self._firsts()
        vectors = tf.where(new[:, :, tf.newaxis], lookup(values, tf.where(new, self.ids - FIRST_ITEM, 0)), 0.0)
        parts = (vectors, tf.cast(new, tf.float32)[:, :, tf.newaxis])
        behind, count = (self._sums_before(part) for part in parts)
        again = tf.gather_nd(first, tf.stack([self.rows, self.labels], axis=1)) < tf.cast(self.upto, tf.int32)
        own = tf.cast(again, tf.float32)
        return behind - own[:, tf.newaxis] * lookup(values, self.labels), count[:, 0] - own

    def _sums_before(self, parts: tf.Tensor) -> tf.Tensor:
        """Sums of [B, M, D] over what is behind each position, [N, D]; as a product, ten times as fast as tf.cumsum."""
        length = tf.shape(parts)[1]
        before = tf.linalg.band_part(tf.ones([length + 1, length]), -1, 0) - tf.eye(length + 1, length)
        sums = tf.reshape(tf.matmul(before, parts), [-1, parts.shape[2]])
        return lookup(sums, self.rows * tf.cast(length + 1, tf.int64) + self.upto)

    def _firsts(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Where in its row each column comes first, past the end if nowhere: [B, n] int32; which ids are it: [B, M]."""
        column = self.ids - FIRST_ITEM
        rows, width = tf.unstack(tf.shape(column, tf.int64))
        inside = (column >= 0) & (column < self.size)
        segment = tf.where(inside, tf.range(rows)[:, tf.newaxis] * self.size + column, -1)  # below 0: passed over
        place = tf.broadcast_to(tf.range(tf.cast(width, tf.int32)), tf.shape(column))
        first = tf.math.unsorted_segment_min(place, segment, rows * self.size)
        new = inside & (tf.gather(first, tf.maximum(segment, 0)) == place)
        return tf.reshape(first, [rows, self.size]), new

    def _at(self, columns: tf.Tensor) -> tf.Tensor:
        """[S] -> [N, S] bool: what is behind each position. Row by row first, since a row has many positions."""
        same = (self.ids - FIRST_ITEM)[:, :, tf.newaxis] == columns
        never = tf.shape(self.ids, tf.int64)[1]
        first = tf.where(tf.reduce_any(same, axis=1), tf.argmax(tf.cast(same, tf.uint8), axis=1), never)
        return tf.gather(first, self.rows) < self.upto[:, tf.newaxis]


def adjustment(past: Past | None, aged: Aged | None, size: int) -> Callable[[tf.Tensor | None], tf.Tensor] | None:
    """What ranker.losses calls adjust, of the past and of the items' age; None where there is neither.

    Args:
        past: what queries have behind them; None: nothing is left out.
        aged: the items' age at the time of each; None: no matter.
        size: number of columns.
    """
    if aged is None:
        return past
    every = tf.range(size)

    def adjust(columns: tf.Tensor | None) -> tf.Tensor:
        gain = aged.adjust(every if columns is None else columns)
        return gain if past is None else gain + past(columns)

    return adjust
