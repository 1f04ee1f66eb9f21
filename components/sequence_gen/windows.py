"""Events in order become sequences: windows to train on, and a history before each label to evaluate on.

Nothing here goes through events one by one: a sequence is a range of rows, and all ranges are gathered at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

CHUNK: Final = 1_000_000  # events that the sequences of one record batch may look at, which bounds the memory


class Ranges(NamedTuple):
    """Sequences, oldest first: each is rows [first, last) of the events. All are [n] int64."""

    first: np.ndarray
    last: np.ndarray  # the label of the last position is row `last`, unless `labels` is 0
    labels: np.ndarray  # labels that the sequence has: last - first in training, or 0
    loss_from: np.ndarray
    start: np.ndarray  # the user's first row: rows [start, last) are the whole past of the last label

    def part(self, part: slice) -> Ranges:
        """Some of the sequences."""
        return Ranges(*(column[part] for column in self))


def learnt_from(windows: Ranges, first_new: np.ndarray) -> np.ndarray:
    """Where the labels begin that are learnt, if those are the newest span's alone.

    Args:
        windows: of training.
        first_new: [n] int64, the row of the first new training event of each window's user; one behind its training
            events: none is new.
    Returns: [n] int64, the position of the first label that counts and stands at that row or later; as many as there
        are labels: none is learnt.
    """
    return np.clip(first_new - 1 - windows.first, windows.loss_from, windows.labels)


def training_windows(starts: np.ndarray, events: np.ndarray, window: int, overlap: int) -> Ranges:
    """Cuts each user's training events into windows, from the latest backwards.

    The latest window is full, since what it holds is most like what serving will see; the oldest takes what is left.
    A label that two windows hold counts in the older one, where more history stands before it.

    Args:
        starts: [u] int64, each user's first row.
        events: [u] int64, how many training events follow there, at least 1.
        window: positions of a sequence at most.
        overlap: positions that two neighbours share.
    Returns: at least one window a user; a user of one event has a history and no label.
    """
    pairs, stride = events - 1, window - overlap
    windows = 1 + np.maximum(0, -((window - pairs) // stride))
    user = np.repeat(np.arange(len(starts)), windows)
    ends = np.cumsum(windows)
    later = ends[user] - 1 - np.arange(len(user))  # windows of the same user that come after
    last = pairs[user] - later * stride
    first = np.maximum(0, last - window)
    loss_from = np.where(first > 0, overlap, 0)
    labels = last - first
    return Ranges(starts[user] + first, starts[user] + np.maximum(last, 1), labels, loss_from, starts[user])


def histories(known: np.ndarray, starts: np.ndarray, window: int) -> Ranges:
    """The latest events that are known when a label is asked for.

    Args:
        known: [n] int64, the row that each label's past ends before: the label itself, or an earlier row.
        starts: [n] int64, first rows of their users.
        window: events of a history at most.
    Returns: one range a label; empty where nothing is known of the user.
    """
    first = np.maximum(starts, known - window)
    return Ranges(first, known, np.ones_like(known), np.zeros_like(known), starts)


def gather(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Writes ranges out.

    Args:
        first, last: [n] int64, ranges [first, last).
    Returns: [n + 1] int64 offsets, and the rows of all ranges, one range after another.
    """
    lengths = np.maximum(0, last - first)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return offsets, np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], lengths)


class Seen(NamedTuple):
    """Which row stands for its item in which sequences: row i in those from begin[i] up to end[i]. All [m] int64.

    A row is in a run of its user's sequences, so this stays small where the lists themselves would be (labels x past).
    """

    rows: np.ndarray  # ascending
    begin: np.ndarray
    end: np.ndarray

    def sizes(self, sequences: int) -> np.ndarray:
        """[sequences] int64: how many items each sequence gets."""
        opened = np.bincount(self.begin, minlength=sequences + 1) - np.bincount(self.end, minlength=sequences + 1)
        return np.cumsum(opened)[:sequences]

    def of(self, part: slice) -> tuple[np.ndarray, np.ndarray]:
        """[n + 1] int64 offsets, and rows, a sequence's in order of time, of the n sequences of `part`."""
        begin, end = np.maximum(self.begin, part.start), np.minimum(self.end, part.stop)
        here = np.flatnonzero(begin < end)
        _, sequence = gather(begin[here], end[here])
        rows = np.repeat(self.rows[here], (end - begin)[here])
        sizes = np.bincount(sequence - part.start, minlength=part.stop - part.start)
        return np.concatenate([[0], np.cumsum(sizes)]), rows[np.argsort(sequence, kind="stable")]


def seen_before(ranges: Ranges, following: np.ndarray) -> Seen:
    """The distinct items of the past that the history no longer holds, each by its last event.

    A row older than the history stands for its item exactly if the user's next event with that item is not before
    the end of the past. Costs the rows of the longest past of each user, however many labels it has.

    Args:
        ranges: histories, in order; so their `first` and `last` never fall.
        following: [rows] int64, as `histories.occurrences` gives it.
    """
    users = np.flatnonzero(np.diff(ranges.start, prepend=-1))  # first sequence of each user
    after = np.append(users, len(ranges.start))[1:]  # and the one after its last
    offsets, rows = gather(ranges.start[users], ranges.first[after - 1])
    user = np.repeat(np.arange(len(users)), np.diff(offsets))
    stands = following[rows] >= ranges.last[users][user]  # in the user's first sequence, or a later one
    rows, user = rows[stands], user[stands]
    begin = np.searchsorted(ranges.first, rows, side="right")
    end = np.minimum(np.searchsorted(ranges.last, following[rows], side="right"), after[user])
    some = begin < end
    return Seen(rows[some], begin[some], end[some])


def chunks(cost: np.ndarray) -> Iterator[slice]:
    """Cuts sequences into groups of about CHUNK events each; a longer sequence is a group of its own.

    Args:
        cost: [n] int64, events that each sequence writes or looks at.
    """
    total = np.cumsum(cost)
    group = (total - cost) // CHUNK
    edges = [int(edge) for edge in np.flatnonzero(np.diff(group)) + 1]
    for begin, end in zip([0, *edges], [*edges, len(cost)], strict=True):
        if end > begin:
            yield slice(begin, end)
