"""global_time beside a plain reading of its rules, event by event: what is known of whom, and that nothing leaks."""

from __future__ import annotations

import datetime
import itertools
from collections import Counter

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sequence_gen import counts
from components.sequence_gen.sequences import Sequences
from components.sequence_gen.splits import global_time
from schemas import features as f
from schemas import histories
from schemas.histories import USER

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


@st.composite
def _cases(draw):
    """Few users, items and moments, so that ties, repeats and strangers are the rule."""
    events = draw(
        st.lists(
            st.tuples(st.sampled_from("uvw"), st.sampled_from("abcd"), st.integers(0, 25)), min_size=1, max_size=60
        )
    )
    valid, test = sorted(draw(st.lists(st.integers(0, 26), min_size=2, max_size=2, unique=True)))
    rule = global_time.Options(
        valid_from=EPOCH + datetime.timedelta(milliseconds=valid),
        test_from=EPOCH + datetime.timedelta(milliseconds=test),
        labels_per_user=draw(st.sampled_from(["next", "all"])),
        known=draw(st.sampled_from(["label", "cutoff"])),
    )
    session_gap = draw(st.sampled_from([None, 3 / 60_000]))  # 3 ms
    return events, valid, test, rule, session_gap, draw(st.integers(2, 6)), draw(st.booleans())


def _sequences(case) -> tuple[Sequences, list[list[dict]], dict[str, int]]:
    """The bucket's sequences, its users' events in the stage's order, and the item counts."""
    events, _, _, rule, session_gap, window, mask_seen = case
    rows = pl.DataFrame(events, schema=[f.USER_ID, f.ITEM_ID, f.TIMESTAMP], orient="row")
    ordered, _ = histories.order(rows.with_columns(pl.Series(f.TIE, range(len(events)))), session_gap=session_gap)
    split = global_time.assign(ordered, rule)
    counted = counts.add_up([counts.of_training(split)])
    sequences = Sequences(
        split,
        counts.popularity(counted),
        window=window,
        overlap=1,
        mask_seen=mask_seen,
        until_split=rule.until_split,
    )
    users = [list(group) for _, group in itertools.groupby(ordered.to_dicts(), lambda event: event[USER])]
    return sequences, users, dict(counted.rows())


def _rows(sequences: Sequences, split: str) -> list[dict]:
    return [row for batch in sequences.of(split) for row in batch.to_pylist()]


@given(_cases())
@settings(deadline=None, max_examples=150)
def test_nothing_of_validation_or_later_is_in_training_or_its_counts(case):
    sequences, users, counted = _sequences(case)
    valid = case[1]
    trained = _rows(sequences, f.TRAIN)
    times = [time for row in trained for time in row[f.HISTORY_TIMESTAMP] + row[f.LABEL_TIMESTAMP]]
    assert all(time < valid for time in times)
    before = [event for user in users for event in user if event[f.TIMESTAMP] < valid]
    assert counted == Counter(event[f.ITEM_ID] for event in before)
    assert {row[f.USER_ID][0].decode() for row in trained} == {event[f.USER_ID] for event in before}


@given(_cases())
@settings(deadline=None, max_examples=150)
def test_each_label_has_the_past_that_was_known_and_no_more(case):
    sequences, users, _ = _sequences(case)
    _, valid, test, rule, _, window, mask_seen = case
    for split, begin, end in ((f.VALID, valid, test), (f.TEST, test, 99)):
        expected = [
            row for user in users for row in _labels(user, begin, end, rule, window, mask_seen)
        ]  # users in the stage's order, a user's labels by time
        made = _rows(sequences, split)
        assert [{name: row[name] for name in expected[0]} for row in made] == expected if expected else not made
        if rule.known == "cutoff":
            assert all(time < begin for row in made for time in row[f.HISTORY_TIMESTAMP])


def _labels(user: list[dict], begin: int, end: int, rule, window: int, mask_seen: bool) -> list[dict]:
    """What one user's labels in [begin, end) look like."""
    inside = [at for at, event in enumerate(user) if begin <= event[f.TIMESTAMP] < end]
    rows = []
    for at in inside[: 1 if rule.labels_per_user == "next" else None]:
        past = user[: inside[0] if rule.known == "cutoff" else at]
        history, older = past[max(0, len(past) - window) :], past[: max(0, len(past) - window)]
        held = {event[f.ITEM_ID] for event in history}
        last = {event[f.ITEM_ID]: place for place, event in enumerate(older)}  # in order of the last event
        seen = sorted((item for item in last if item not in held), key=last.__getitem__)
        rows.append(
            {
                f.USER_ID: [user[at][f.USER_ID].encode()],
                f.HISTORY: [event[f.ITEM_ID].encode() for event in history],
                f.HISTORY_TIMESTAMP: [event[f.TIMESTAMP] for event in history],
                f.LABEL: [user[at][f.ITEM_ID].encode()],
                f.LABEL_TIMESTAMP: [user[at][f.TIMESTAMP]],
                f.SEEN: [item.encode() for item in seen] if mask_seen else [],
                f.LABEL_REPEATS: [int(user[at][f.ITEM_ID] in {event[f.ITEM_ID] for event in past})],
                f.HISTORY_LENGTH: [_bucket(len(past))],
            }
        )
    return rows


def _bucket(length: int) -> bytes:
    return [name.encode() for least, name in f.HISTORY_LENGTH_BUCKETS if length >= least][-1]
