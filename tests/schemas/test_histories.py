"""Order of events, exact duplicates, repeats."""

from __future__ import annotations

import polars as pl

from schemas import features as f
from schemas import histories
from schemas.histories import USER


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


def test_pause_longer_than_the_gap_begins_a_session_and_one_exactly_so_long_does_not():
    minute = 60_000
    rows = _rows(*(("u", item, time, 0) for item, time in (("a", 0), ("b", 30 * minute), ("c", 60 * minute + 1))))
    events, _ = histories.order(rows, session_gap=30)
    assert events.select(USER, f.USER_ID, f.ITEM_ID).rows() == [(1, "u/1", "a"), (1, "u/1", "b"), (2, "u/2", "c")]


def test_sessions_number_from_one_for_each_user_and_their_ids_tell_the_user():
    rows = _rows(("u", "a", 0, 0), ("v/3", "a", 0, 0), ("v/3", "b", 10, 0), ("u", "b", 10, 0), ("u", "c", 10, 1))
    events, _ = histories.order(rows, session_gap=9 / 60_000)
    assert sorted(events[f.USER_ID]) == ["u/1", "u/2", "u/2", "v/3/1", "v/3/2"]
    assert events[USER].to_list() in ([1, 2, 2, 3, 4], [1, 2, 3, 4, 4])  # by the users' hash
    assert sorted(events.select(histories.person(pl.col(f.USER_ID))).to_series()) == ["u", "u", "u", "v/3", "v/3"]


def test_repeats_are_those_of_a_session_which_is_cut_before_any_is_dropped():
    # Without the second a, which goes, the pause from 0 to 20 would be too long.
    rows = _rows(("u", "a", 0, 0), ("u", "a", 10, 0), ("u", "b", 20, 0), ("u", "a", 40, 0))
    events, dropped = histories.order(rows, "drop", session_gap=12 / 60_000)
    assert events.select(f.USER_ID, f.ITEM_ID, f.TIMESTAMP).rows() == [
        ("u/1", "a", 0),
        ("u/1", "b", 20),
        ("u/2", "a", 40),
    ]
    assert dropped["repeats_dropped"] == 1


def test_exact_duplicates_are_no_event_that_bridges_a_pause():
    events, dropped = histories.order(
        _rows(("u", "a", 0, 0), ("u", "a", 0, 0), ("u", "b", 99, 0)), session_gap=1 / 60_000
    )
    assert (events[f.USER_ID].to_list(), dropped["duplicates"]) == (["u/1", "u/2"], 1)


def test_no_row_has_no_session():
    assert histories.order(_rows(("u", "a", 1, 0)).head(0), session_gap=1)[0].height == 0


def test_events_of_one_time_are_tied_unless_their_true_order_is_known():
    rows = _rows(("u", "a", 5, 3), ("u", "b", 5, 4), ("u", "c", 6, 0), ("v", "d", 6, 1), ("v", "e", 6, 2))
    events, _ = histories.order(rows.filter(pl.col(f.USER_ID) == "u"))
    assert events[histories.TIED].to_list() == [0, 1, 0]
    assert histories.order(rows)[0][histories.TIED].sum() == 2
    assert histories.order(rows.with_columns(pl.lit(1).alias(f.ORDER)))[0][histories.TIED].sum() == 0


def test_what_a_dropped_repeat_was_tied_to_is_not():
    rows = _rows(("u", "a", 1, 0), ("u", "a", 2, 0), ("u", "b", 2, 1))
    assert histories.order(rows, "drop")[0][histories.TIED].to_list() == [0, 0]


def test_a_row_that_two_spans_have_is_the_older_ones():
    rows = _rows(("u", "a", 5, 3), ("u", "b", 6, 3), ("u", "a", 5, 3))
    events, dropped = histories.order(rows.with_columns(pl.Series(f.SPAN, [2, 2, 1])))
    assert events.select(f.ITEM_ID, f.SPAN).rows() == [("a", 1), ("b", 2)]
    assert dropped["duplicates"] == 1
