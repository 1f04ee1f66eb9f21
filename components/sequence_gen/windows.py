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


def histories(labels: np.ndarray, starts: np.ndarray, window: int) -> Ranges:
    """The latest events before each label.

    Args:
        labels: [n] int64, rows of the labels.
        starts: [n] int64, first rows of their users.
        window: events of a history at most.
    Returns: one range a label; empty where the label is the user's first event.
    """
    first = np.maximum(starts, labels - window)
    return Ranges(first, labels, np.ones_like(labels), np.zeros_like(labels), starts)


def gather(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Writes ranges out.

    Args:
        first, last: [n] int64, ranges [first, last).
    Returns: [n + 1] int64 offsets, and the rows of all ranges, one range after another.
    """
    lengths = np.maximum(0, last - first)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return offsets, np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], lengths)


def seen_before(ranges: Ranges, following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct items of the past that the history no longer holds, each by its last event.

    A row older than the history stands for its item exactly if the user's next event with that item is not before
    the label.

    Args:
        ranges: histories.
        following: [rows] int64, as `histories.occurrences` gives it.
    Returns: [n + 1] int64 offsets, and rows, a sequence's in order of time.
    """
    offsets, rows = gather(ranges.start, ranges.first)
    sequence = np.repeat(np.arange(len(ranges.first)), np.diff(offsets))
    stands = following[rows] >= ranges.last[sequence]
    kept = np.bincount(sequence[stands], minlength=len(ranges.first))
    return np.concatenate([[0], np.cumsum(kept)]), rows[stands]


def chunks(ranges: Ranges, whole_past: bool) -> Iterator[Ranges]:
    """Cuts sequences into groups that look at about CHUNK events each; a longer sequence is a group of its own.

    Args:
        ranges: sequences.
        whole_past: count each sequence's whole past, not only its history.
    """
    cost = ranges.last - (ranges.start if whole_past else ranges.first) + 1
    total = np.cumsum(cost)
    group = (total - cost) // CHUNK
    edges = np.flatnonzero(np.diff(group)) + 1
    for begin, end in zip([0, *edges], [*edges, len(cost)], strict=True):
        if end > begin:
            yield Ranges(*(column[begin:end] for column in ranges))
