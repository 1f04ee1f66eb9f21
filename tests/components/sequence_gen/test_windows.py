"""Windows over rows: what trains, what is seen, and how much memory a group of sequences takes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.sequence_gen import windows as w


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
