"""What the model is asked for each user."""

import polars as pl
import pytest

from components.batch_recommender.histories import Form, asked

WHOLE = Form("keep", None)
MINUTE = 60_000


def rows(*events):
    """(user, item, minute)"""
    made = [(user, item, minute * MINUTE, n) for n, (user, item, minute) in enumerate(events)]
    return pl.DataFrame(made, schema=["user_id", "item_id", "timestamp", "tie"], orient="row")


def by_user(batches):
    return {
        user: (items, [time // MINUTE for time in times])
        for batch in batches
        for user, items, times in zip(batch.users, batch.items, batch.times, strict=True)
    }


def test_items_of_before_the_window_stand_ahead_of_it_each_once():
    log = rows(*(("u", f"i{n % 4}", n) for n in range(8)), ("v", "a", 3))
    found = by_user(asked(log, WHOLE, window=3, mask_seen=True, batch_size=10))
    assert found["u"] == (["i0", "i1", "i2", "i3", "i1", "i2", "i3"], [0, 0, 0, 0, 5, 6, 7])
    assert found["v"] == (["a"], [3])


def test_where_the_past_may_be_answered_the_window_is_all():
    log = rows(*(("u", f"i{n}", n) for n in range(5)))
    assert by_user(asked(log, WHOLE, window=2, mask_seen=False, batch_size=1))["u"] == (["i3", "i4"], [3, 4])


def test_of_sessions_the_latest_is_asked_for_under_the_users_own_name():
    log = rows(("u/1", "a", 0), ("u/1", "b", 5), ("u/1", "c", 40), ("u/1", "d", 41), ("v", "e", 0))
    found = by_user(asked(log, Form("keep", 30), window=9, mask_seen=True, batch_size=9))
    assert found == {"u/1": (["c", "d"], [40, 41]), "v": (["e"], [0])}


def test_repeats_go_where_the_model_learnt_without_them():
    log = rows(("u", "a", 0), ("u", "b", 1), ("u", "a", 2))
    assert by_user(asked(log, Form("drop", None), window=9, mask_seen=True, batch_size=9))["u"][0] == ["a", "b"]


@pytest.mark.parametrize(("size", "batches"), [(1, 3), (2, 2), (9, 1)])
def test_each_user_is_asked_for_once_and_like_lengths_together(size, batches):
    log = rows(*(("long", f"i{n}", n) for n in range(5)), ("short", "a", 0), ("middle", "a", 0), ("middle", "b", 1))
    found = list(asked(log, WHOLE, window=9, mask_seen=True, batch_size=size))
    assert len(found) == batches
    assert [user for batch in found for user in batch.users] == ["short", "middle", "long"]
