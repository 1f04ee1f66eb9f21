"""Ranges of events become record batches with the features of schemas.features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
import pyarrow as pa

from components.sequence_gen.splits import IS_LABEL, NEW, SPLIT
from components.sequence_gen.users import Lists
from components.sequence_gen.windows import (
    Ranges,
    chunks,
    gather,
    histories,
    learnt_from,
    seen_before,
    training_windows,
)
from schemas import features as f
from schemas.histories import TIED, USER, occurrences

_LENGTHS = np.array([least for least, _ in f.HISTORY_LENGTH_BUCKETS])
_LENGTH_NAMES = pa.array([name.encode() for _, name in f.HISTORY_LENGTH_BUCKETS], pa.large_binary())
_MARKS = (USER, SPLIT, IS_LABEL, NEW)
_OF_LABEL = {f.TIMESTAMP: f.LABEL_TIMESTAMP, f.RATING: f.LABEL_RATING, f.WEIGHT: f.LABEL_WEIGHT}


class Sequences:
    """The sequences of a bucket.

    Args:
        events: users' events in order, split, labels marked.
        popularity: item_id and label_popularity of every item that training saw.
        window: events of a sequence at most.
        overlap: positions that neighbouring training windows share.
        mask_seen: whether evaluation sequences carry the past beyond the window.
        until_split: whether a label's past ends where its split begins, not right before the label.
        learn_new: whether training learns labels of NEW events alone; the others count as items all the same.
        features: of each user, in the events' order of users; by the sequences' name for them.
    """

    def __init__(
        self,
        events: pl.DataFrame,
        popularity: pl.DataFrame,
        *,
        window: int,
        overlap: int,
        mask_seen: bool,
        until_split: bool = False,
        learn_new: bool = False,
        features: Mapping[str, Lists] | None = None,
    ) -> None:
        self._events, self._popularity = events, popularity
        self._window, self._overlap, self._mask_seen = window, overlap, mask_seen
        self._until_split, self._learn_new, self._features = until_split, learn_new, features or {}
        self._columns = {name: _plain(events[name]) for name in events.columns if name not in _MARKS}
        user = events[USER].to_numpy()
        self._starts = np.flatnonzero(np.diff(user, prepend=-1))
        self._start_of_row = np.repeat(self._starts, np.diff(self._starts, append=len(user)))
        self._first, self._following = occurrences(events)
        self.cold = {f.VALID: 0, f.TEST: 0}  # labels that training never saw, and
        self.repeated = {f.VALID: 0, f.TEST: 0}  # that repeat the past, of the splits made so far
        self.learnt = 0  # labels of training, each once

    def of(self, split: str) -> Iterator[pa.RecordBatch]:
        """The sequences of one split, users in order, a user's oldest first; each column a list a row."""
        is_split = (self._events[SPLIT] == split).to_numpy()
        if split == f.TRAIN:
            yield from self._of_training(is_split)
        else:
            yield from self._of_evaluation(is_split, split)

    def _of_training(self, is_split: np.ndarray) -> Iterator[pa.RecordBatch]:
        trained = np.add.reduceat(is_split, self._starts, dtype=np.int64) if len(is_split) else self._starts
        ranges = training_windows(self._starts[trained > 0], trained[trained > 0], self._window, self._overlap)
        learn_from = (
            learnt_from(ranges, self._first_new(trained, ranges.start)) if self._learn_new else ranges.loss_from
        )
        self.learnt += int((ranges.labels - learn_from).sum())
        for part in chunks(ranges.last - ranges.first + 1):
            some = ranges.part(part)
            more = self._training(len(some.first)) | self._learn_from(learn_from[part])
            yield self._batch(some, some.first + 1, some.first + 1 + some.labels, more)

    def _first_new(self, trained: np.ndarray, start: np.ndarray) -> np.ndarray:
        """[users] training events, [n] first rows of users -> [n] rows of their first new training event."""
        behind = self._starts + trained  # each user's training events are the first ones
        new = np.flatnonzero(self._events[NEW].to_numpy())
        first = np.append(new, len(self._start_of_row))[np.searchsorted(new, self._starts)]
        return np.minimum(first, behind)[np.searchsorted(self._starts, start)]

    def _learn_from(self, values: np.ndarray) -> dict[str, pa.Array]:
        return {f.LEARN_FROM: _ones(pa.array(values, pa.int64()))} if self._learn_new else {}

    def _of_evaluation(self, is_split: np.ndarray, split: str) -> Iterator[pa.RecordBatch]:
        labels = np.flatnonzero(is_split & self._events[IS_LABEL].to_numpy())
        known = self._beginnings(is_split)[labels] if self._until_split else labels
        ranges = histories(known, self._start_of_row[labels], self._window)
        seen = seen_before(ranges, self._following) if self._mask_seen else None
        cost = ranges.last - ranges.first + 1 + (seen.sizes(len(labels)) if seen else 0)
        for part in chunks(cost):
            some, label = ranges.part(part), labels[part]
            more = self._evaluation(some, label, seen.of(part) if seen else _nothing(len(label)), split)
            yield self._batch(some, label, label + 1, more | self._learn_from(np.zeros(len(label), np.int64)))

    def _beginnings(self, is_split: np.ndarray) -> np.ndarray:
        """[rows] int64: in rows of the split, the first of the same user's; no meaning elsewhere."""
        begins = np.diff(is_split, prepend=False) & is_split
        begins[self._starts] |= is_split[self._starts]
        return np.maximum.accumulate(np.where(begins, np.arange(len(is_split)), 0))

    def _batch(
        self, ranges: Ranges, label_first: np.ndarray, label_last: np.ndarray, more: dict[str, pa.Array]
    ) -> pa.RecordBatch:
        past = ranges.last - ranges.start
        bucket = np.searchsorted(_LENGTHS, past, side="right") - 1
        history, label = gather(ranges.first, ranges.last), gather(label_first, label_last)
        columns = {
            f.USER_ID: _ones(self._columns[f.USER_ID].take(pa.array(ranges.start))),
            f.HISTORY: self._lists(f.ITEM_ID, history),
            f.HISTORY_TIMESTAMP: self._lists(f.TIMESTAMP, history),
            f.HISTORY_TIED: self._lists(TIED, history),
            f.LABEL: self._lists(f.ITEM_ID, label),
            f.LOSS_FROM: _ones(pa.array(ranges.loss_from, pa.int64())),
            f.HISTORY_LENGTH: _ones(_LENGTH_NAMES.take(pa.array(bucket))),
        }
        for name in self._columns:
            if name in _OF_LABEL:
                columns[_OF_LABEL[name]] = self._lists(name, label)
            elif name.startswith(f.CONTEXT_PREFIX):
                columns[f.HISTORY_CONTEXT_PREFIX + name[len(f.CONTEXT_PREFIX) :]] = self._lists(name, history)
        users = np.searchsorted(self._starts, ranges.start)
        columns |= {name: lists.of(users) for name, lists in self._features.items()}
        columns |= more
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    def _training(self, rows: int) -> dict[str, pa.Array]:
        """Features that only evaluation has something to say about; their types don't depend on the split."""
        return {
            f.SEEN: self._lists(f.ITEM_ID, _nothing(rows)),
            f.LABEL_POPULARITY: _ones(pa.array([b""] * rows, pa.large_binary())),
            f.LABEL_REPEATS: _ones(pa.array(np.zeros(rows, np.int64))),
        }

    def _evaluation(
        self, ranges: Ranges, labels: np.ndarray, seen: tuple[np.ndarray, np.ndarray], split: str
    ) -> dict[str, pa.Array]:
        """What is known of the labels, which stand at the rows `labels`."""
        label = self._events.select(f.ITEM_ID)[labels]
        slices = label.join(self._popularity, on=f.ITEM_ID, how="left", maintain_order="left")[f.LABEL_POPULARITY]
        repeats = self._first[labels] < ranges.last
        self.cold[split] += slices.null_count()
        self.repeated[split] += int(repeats.sum())
        return {
            f.SEEN: self._lists(f.ITEM_ID, seen),
            f.LABEL_POPULARITY: _ones(_plain(slices.fill_null(f.POPULARITY_BUCKETS[-1]))),
            f.LABEL_REPEATS: _ones(pa.array(repeats.astype(np.int64))),
        }

    def _lists(self, column: str, gathered: tuple[np.ndarray, np.ndarray]) -> pa.Array:
        offsets, rows = gathered
        values = self._columns[column].take(pa.array(rows, pa.int64()))
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)


def _plain(column: pl.Series) -> pa.Array:
    """A column as Arrow: ids and words as bytes, since that is what a tf.Example holds; nothing is null."""
    if column.dtype == pl.String:
        return column.fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_binary())
    if column.dtype.is_float():
        # An event without a weight counts like any other; a rating that nobody gave stays unknown.
        missing = 1.0 if column.name == f.WEIGHT else float("nan")
        return column.cast(pl.Float32).fill_null(missing).to_arrow()
    return column.to_arrow()


def _nothing(sequences: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and rows of empty ranges."""
    return np.zeros(sequences + 1, np.int64), np.empty(0, np.int64)


def _ones(values: pa.Array) -> pa.Array:
    """Each value as a list of its own."""
    return pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1, dtype=np.int32)), values)
