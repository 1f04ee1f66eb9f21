"""The last event is test, the one before it validation."""

from __future__ import annotations

import polars as pl

from components.sequence_gen.splits import IS_LABEL, NEW, SPLIT
from components.sequence_gen.splits import leave_last_out as rule
from schemas.histories import USER


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


def test_labels_are_among_the_new_events_of_users_with_three_of_them():
    users = {1: "oonnn", 2: "oooon", 3: "ooo", 4: "nnnn", 5: "nonon"}  # o: older, n: new
    events = pl.DataFrame(
        {
            USER: [user for user, which in users.items() for _ in which],
            NEW: [each == "n" for which in users.values() for each in which],
        }
    )
    marked = rule.assign(events, rule.Options())
    letters = {"train": "t", "valid": "v", "test": "T"}
    found = {user[0]: "".join(letters[s] for s in of_user[SPLIT]) for user, of_user in marked.group_by(USER)}
    # Of the last user an older event stands behind the validation label: it must not train, and is no label.
    assert found == {1: "tttvT", 2: "ttttt", 3: "ttt", 4: "ttvT", 5: "ttvvT"}
    assert marked.filter(pl.col(USER) == 5)[IS_LABEL].to_list() == [False, False, True, False, True]


def test_no_new_events_stay_none():
    assert rule.assign(pl.DataFrame(schema={USER: pl.Int64, NEW: pl.Boolean}), rule.Options()).height == 0
