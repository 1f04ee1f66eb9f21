"""A log by span: histories from all spans that were read, labels from the newest, and nothing leaks."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from schemas import features as f
from schemas.errors import DataError

GLOBAL = {"name": "global_time", "valid_from": 0.3, "test_from": 0.35, "labels_per_user": "all"}  # seconds


def by_span(log, users, since):
    """A log of `log`, whose events from `since` on are of span 8, those before of span 7."""
    columns = log(users)
    return columns | {f.SPAN: [8 if time >= since else 7 for time in columns[f.TIMESTAMP]]}


def made(seed, rows=900):
    """Two spans, [0, 200) and [200, 400) ms, with some rows that came late: an older time in the newer span."""
    rng = np.random.default_rng(seed)
    times = rng.integers(0, 400, rows)
    late = rng.random(rows) < 0.02
    return {
        f.USER_ID: [f"u{n}" for n in rng.integers(0, 60, rows)],
        f.ITEM_ID: [f"i{n}" for n in rng.zipf(1.4, rows) % 60],
        f.TIMESTAMP: times.tolist(),
        f.TIE: rng.integers(-(2**60), 2**60, rows).tolist(),
        f.SPAN: np.where((times >= 200) ^ late, 8, 7).tolist(),
    }


def learnt(rows):
    """(user, item, time) of each label that training learns."""
    return Counter(
        (row[f.USER_ID][0].decode(), item.decode(), time)
        for row in rows
        for place, (item, time) in enumerate(zip(row.get(f.LABEL) or [], row.get(f.LABEL_TIMESTAMP) or [], strict=True))
        if place >= row[f.LEARN_FROM][0]
    )


def test_newest_span_gives_the_labels_and_older_ones_the_past(tmp_path, run, log):
    ran = run(tmp_path, by_span(log, {"ann": "abcdefg", "bob": "xyz"}, since=30))
    train = {row[f.USER_ID][0]: row for row in ran.rows(f.TRAIN)}
    ann = train[b"ann"]
    assert (ann[f.HISTORY], ann[f.LABEL]) == ([b"a", b"b", b"c", b"d"], [b"b", b"c", b"d", b"e"])
    assert (ann[f.LOSS_FROM], ann[f.LEARN_FROM]) == ([0], [2])  # d is the first of the newest span
    assert train[b"bob"][f.LEARN_FROM] == [len(train[b"bob"][f.LABEL])]  # nothing of bob's is new: nothing is learnt,
    assert set(ran.counts["item_id"].to_pylist()) == set("abcde") | set("xyz")  # yet it counts
    assert [row[f.LABEL] for row in ran.rows(f.VALID)] == [[b"f"]]
    assert [(row[f.LABEL], row[f.HISTORY]) for row in ran.rows(f.TEST)] == [([b"g"], [b"b", b"c", b"d", b"e", b"f"])]
    assert (ran.report.newest_span, ran.report.training_labels) == (8, 2)


def test_held_out_trains_on_all_spans(tmp_path, run, log):
    ran = run(tmp_path, by_span(log, {"ann": "abcdefg", "bob": "xyz"}, since=30), span_labels="held_out")
    assert all(f.LEARN_FROM not in row for row in ran.rows(f.TRAIN))
    assert [row[f.LABEL] for row in ran.rows(f.TEST)] == [[b"g"]]
    assert ran.report.training_labels == 4 + 2


def test_all_is_as_if_there_were_no_spans(tmp_path, run, log):
    columns = by_span(log, {"ann": "abcdefg", "bob": "xyz"}, since=30)
    ran = run(tmp_path / "1", columns, span_labels="all")
    plain = run(tmp_path / "2", {name: values for name, values in columns.items() if name != f.SPAN})
    for split in f.SEQUENCE_SPLITS:
        assert ran.rows(split) == plain.rows(split)
    assert ran.counts == plain.counts
    assert ran.report.newest_span is None


@pytest.mark.parametrize("split", [{"name": "leave_last_out"}, GLOBAL])
@pytest.mark.parametrize("window", [4, 50])
def test_validation_and_test_are_in_no_training_and_no_count(tmp_path, run, split, window):
    columns = made(3)
    ran = run(tmp_path, columns, split=split, window=window, buckets=3)
    events = list(zip(*(columns[name] for name in (f.USER_ID, f.ITEM_ID, f.TIMESTAMP)), strict=True))
    new = {event for event, span in zip(events, columns[f.SPAN], strict=True) if span == 8}
    held_out = {(row[f.USER_ID][0].decode(), row[f.LABEL][0].decode(), row[f.LABEL_TIMESTAMP][0])
                for name in (f.VALID, f.TEST) for row in ran.rows(name)}  # fmt: skip
    begins = {}
    for user, _, time in held_out:
        begins[user] = min(time, begins.get(user, time))
    assert len(held_out) > 50
    assert held_out <= new
    train = ran.rows(f.TRAIN)
    for row in train:
        user = row[f.USER_ID][0].decode()
        times = [*row[f.HISTORY_TIMESTAMP], *(row.get(f.LABEL_TIMESTAMP) or [])]
        assert max(times) < 300 if split is GLOBAL else max(times) <= begins.get(user, 400)
    # What is counted is what training holds, each event once, whether it is learnt or not.
    counted = Counter()
    for row in train:
        start = row[f.LOSS_FROM][0]
        items = ([row[f.HISTORY][0]] if start == 0 else []) + (row.get(f.LABEL) or [])[start:]
        counted.update(item.decode() for item in items)
    assert counted == dict(zip(*ran.counts.to_pydict().values(), strict=True))
    assert sum(counted.values()) < len(events) - len(held_out) + 1
    assert not learnt(train).keys() & held_out


@pytest.mark.parametrize("split", [{"name": "leave_last_out"}, GLOBAL])
def test_every_new_training_event_is_learnt_once_and_older_ones_only_behind_one_that_came_late(tmp_path, run, split):
    columns = made(4)
    ran = run(tmp_path, columns, split=split, window=5)
    found = learnt(ran.rows(f.TRAIN))
    events = list(zip(*(columns[name] for name in (f.USER_ID, f.ITEM_ID, f.TIMESTAMP, f.SPAN)), strict=True))
    first_new = {}
    for user, _, time, span in events:
        if span == 8:
            first_new[user] = min(time, first_new.get(user, time))
    assert max(found.values()) <= max(Counter(event[:3] for event in events).values())
    assert all(time >= first_new[user] for user, _, time in found)
    older = {event[:3] for event in events if event[3] == 7}
    assert len(found.keys() - older) > 100
    assert sum(found.values()) == ran.report.training_labels


def test_newest_span_without_training_labels_is_refused_with_the_span(tmp_path, run, log):
    late = {"name": "global_time", "valid_from": 0.03, "test_from": 0.05}  # the span begins where validation does
    with pytest.raises(DataError, match=r"not even a label to train on[\s\S]*span 8 alone[\s\S]*span_labels"):
        run(tmp_path, by_span(log, {"ann": "abcdefg", "bob": "uvwxyz"}, since=30), split=late)
