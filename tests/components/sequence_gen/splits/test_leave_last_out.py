"""The last event is test, the one before it validation."""

from __future__ import annotations

import polars as pl

from components.sequence_gen.splits import IS_LABEL, SPLIT, USER
from components.sequence_gen.splits import leave_last_out as rule


def test_users_of_three_events_or_more_give_labels_and_others_train_alone():
    events = rule.assign(pl.DataFrame({USER: [1, 1, 1, 2, 2, 3, 4, 4, 4, 4]}), rule.Options())
    assert events[SPLIT].to_list() == [
        *("train", "valid", "test"),
        *("train", "train"),
        "train",
        *("train", "train", "valid", "test"),
    ]
    assert (events[IS_LABEL] == (events[SPLIT] != "train")).all()


def test_no_events_stay_none():
    assert rule.assign(pl.DataFrame(schema={USER: pl.Int64}), rule.Options()).height == 0
