"""Order of events, exact duplicates, repeats."""

from __future__ import annotations

import polars as pl

from components.sequence_gen import histories
from components.sequence_gen.splits import USER
from schemas import features as f


def _rows(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=[f.USER_ID, f.ITEM_ID, f.TIMESTAMP, f.TIE], orient="row")


def test_equal_times_stand_in_order_of_their_tie():
    events, _ = histories.order(_rows(("u", "a", 5, 3), ("u", "b", 5, -2), ("u", "c", 4, 9), ("u", "d", 5, 1)))
    assert events[f.ITEM_ID].to_list() == ["c", "b", "d", "a"]


def test_exact_duplicates_collapse_and_other_repeats_stay():
    rows = _rows(("u", "a", 5, 3), ("u", "a", 5, 3), ("u", "a", 5, 4), ("v", "a", 5, 3), ("u", "a", 5, 3))
    events, dropped = histories.order(rows)
    assert (events.height, dropped) == (3, {"duplicates": 2, "repeats_dropped": 0})


def test_dropping_repeats_keeps_the_first_of_each_user():
    rows = _rows(("u", "a", 1, 0), ("u", "b", 2, 0), ("u", "a", 3, 0), ("v", "a", 9, 0))
    events, dropped = histories.order(rows, "drop")
    assert sorted(events.select(f.USER_ID, f.ITEM_ID, f.TIMESTAMP).rows()) == [
        ("u", "a", 1),
        ("u", "b", 2),
        ("v", "a", 9),
    ]
    assert dropped == {"duplicates": 0, "repeats_dropped": 1}


def test_occurrences_point_to_the_first_and_the_next_of_the_same_user_and_item():
    events = pl.DataFrame({USER: [1, 1, 1, 2, 2], f.ITEM_ID: ["a", "b", "a", "a", "b"]})
    first, following = histories.occurrences(events)
    assert first.tolist() == [0, 1, 0, 3, 4]
    assert following.tolist() == [2, *[histories.NEVER] * 4]


def test_one_row_and_no_row_are_in_order():
    assert histories.order(_rows(("u", "a", 1, 0)))[0].height == 1
    assert histories.order(_rows(("u", "a", 1, 0)).head(0))[0].height == 0
