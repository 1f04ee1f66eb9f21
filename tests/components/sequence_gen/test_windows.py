"""Windows over rows: what trains, what is seen, and how much memory a group of sequences takes."""

from __future__ import annotations

import tracemalloc
from itertools import chain

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from components.sequence_gen import windows as w
from schemas import features as f
from schemas.histories import NEVER, USER, occurrences


@st.composite
def _users(draw):
    window = draw(st.integers(2, 12))
    overlap = draw(st.integers(1, window - 1))
    events = np.array(draw(st.lists(st.integers(1, 60), min_size=1, max_size=8)))
    starts = np.cumsum(events + 2) - events - 2  # two events of each user are not for training
    return starts, events, window, overlap


@given(_users())
def test_each_label_trains_once_and_with_the_events_right_before_it(users):
    starts, events, window, overlap = users
    ranges = w.training_windows(starts, events, window, overlap)
    trained = [
        row for r in zip(*ranges, strict=True) for row in range(r[0] + 1 + r[3], r[0] + 1 + r[2])
    ]  # Ranges: first, last, labels, loss_from, start
    assert trained == [row for s, n in zip(starts, events, strict=True) for row in range(s + 1, s + n)]


@given(_users())
def test_windows_fit_keep_their_context_and_begin_each_user_once(users):
    starts, events, window, overlap = users
    ranges = w.training_windows(starts, events, window, overlap)
    length = ranges.last - ranges.first
    assert length.min() >= 1
    assert length.max() <= window
    assert (ranges.loss_from[ranges.first > ranges.start] == overlap).all()
    assert (ranges.start[ranges.loss_from == 0] == starts).all()


def test_latest_window_is_full_and_the_oldest_takes_what_is_left():
    # 12 events are 11 labels; windows of 5 that share 2: labels 7-11, then 4-8, then 1-5.
    ranges = w.training_windows(np.array([0]), np.array([12]), 5, 2)
    assert list(zip(ranges.first, ranges.last, ranges.loss_from, strict=True)) == [(0, 5, 0), (3, 8, 2), (6, 11, 2)]
    ranges = w.training_windows(np.array([0]), np.array([10]), 5, 2)
    assert list(zip(ranges.first, ranges.last, ranges.loss_from, strict=True)) == [(0, 3, 0), (1, 6, 2), (4, 9, 2)]


def test_user_of_one_event_has_a_history_and_no_label():
    ranges = w.training_windows(np.array([4]), np.array([1]), 5, 2)
    assert (ranges.first.tolist(), ranges.last.tolist(), ranges.labels.tolist()) == ([4], [5], [0])


def test_history_of_a_first_event_is_empty():
    ranges = w.histories(np.array([0, 3]), np.array([0, 0]), 2)
    assert (ranges.last - ranges.first).tolist() == [0, 2]


def test_gather_writes_ranges_out():
    offsets, rows = w.gather(np.array([3, 7, 0]), np.array([5, 7, 2]))
    assert (offsets.tolist(), rows.tolist()) == ([0, 2, 2, 4], [3, 4, 0, 1])


def test_chunks_hold_all_sequences_in_order_and_stay_bounded(monkeypatch):
    monkeypatch.setattr(w, "CHUNK", 10)
    ranges = w.training_windows(np.array([0, 40]), np.array([40, 3]), 5, 2)
    parts = [ranges.part(part) for part in w.chunks(ranges.last - ranges.first + 1)]
    assert len(parts) > 1
    assert max((part.last - part.first).sum() for part in parts) <= 15
    for whole, cut in zip(ranges, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(whole, np.concatenate(cut))


@st.composite
def _pasts(draw):
    """Users' items, side by side, and some rows of each as labels."""
    users = draw(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=12), min_size=1, max_size=4))
    chosen = [sorted(draw(st.sets(st.integers(0, len(user) - 1)))) for user in users]
    return users, chosen, draw(st.integers(1, 5))


@given(_pasts())
def test_seen_is_what_each_history_lacks_of_the_past_in_order_of_its_last_event(case):
    users, chosen, window = case
    starts = np.cumsum([0, *map(len, users)])
    events = pl.DataFrame({USER: np.repeat(np.arange(len(users)), np.diff(starts)), f.ITEM_ID: list(chain(*users))})
    labels = np.array([starts[n] + at for n, of_user in enumerate(chosen) for at in of_user], np.int64)
    start = np.array([starts[n] for n, of_user in enumerate(chosen) for _ in of_user], np.int64)
    ranges = w.histories(labels, start, window)
    seen = w.seen_before(ranges, occurrences(events)[1])
    offsets, rows = seen.of(slice(0, len(labels)))
    items = events[f.ITEM_ID].to_list()
    for number, (first, label) in enumerate(zip(start, labels, strict=True)):
        older, held = range(first, max(first, label - window)), items[max(first, label - window) : label]
        last = {items[row]: row for row in older if items[row] not in held}
        assert rows[offsets[number] : offsets[number + 1]].tolist() == sorted(last.values())
    assert seen.sizes(len(labels)).tolist() == np.diff(offsets).tolist()
    parts = [seen.of(slice(at, at + 1))[1].tolist() for at in range(len(labels))]
    assert list(chain(*parts)) == rows.tolist()


def test_seen_of_a_user_with_many_labels_costs_its_rows_and_not_labels_times_past():
    # 20,000 events with 5 items, the later half labels: 10,000 pasts of 10,000 to 20,000 rows are 1.5e8 rows.
    n, items = 20_000, 5
    following = np.where(np.arange(n) + items < n, np.arange(n) + items, NEVER)
    labels = np.arange(n // 2, n)
    ranges = w.histories(labels, np.zeros_like(labels), 2)
    tracemalloc.start()
    seen = w.seen_before(ranges, following)
    offsets, _ = seen.of(slice(0, len(labels)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(np.diff(offsets)) == {items - 2}
    assert peak < 10e6


def test_labels_before_the_newest_span_are_context():
    # 12 events in windows of 5 that share 2: labels at rows 1-5, 4-8 (counts from 6), 7-11 (counts from 9).
    ranges = w.training_windows(np.array([0]), np.array([12]), 5, 2)
    first_label = {0: [0, 2, 2], 1: [0, 2, 2], 3: [2, 2, 2], 7: [5, 3, 2], 10: [5, 5, 3], 12: [5, 5, 5]}
    for new, expected in first_label.items():
        assert w.learnt_from(ranges, np.full(3, new)).tolist() == expected
    lone = w.training_windows(np.array([0]), np.array([1]), 5, 2)
    assert w.learnt_from(lone, np.array([1])).tolist() == [0]
