"""Roles are found by names, by values where names say nothing, and left open where nothing is like them."""

import numpy as np
import polars as pl
import pytest

from pipeline.guess import columns, roles

N = 4_000
RNG = np.random.default_rng(0)
# Two hundred people in sessions of ten events, a minute apart; items by chance.
SESSION = np.repeat(np.arange(N // 10), 10)
USER = RNG.integers(0, 200, N // 10)[SESSION]
TIME = 1_700_000_000 + np.sort(RNG.integers(0, 30 * 86_400, N // 10))[SESSION] + np.tile(np.arange(10), N // 10) * 60
ITEM = RNG.zipf(1.3, N) % 400
EVENT = np.array(["view", "cart", "purchase"])[RNG.integers(0, 3, N)]


def found(told=None, **values):
    frame = pl.DataFrame(values).cast(pl.String)
    looked = {name: columns.look(name, frame[name]) for name in frame.columns}
    return roles.guess(looked, frame, told or {})


def given(result):
    return {guess.role: guess.column for guess in result.guesses if guess.role != "none"}


@pytest.mark.parametrize(
    ("user", "item", "time"),
    [
        ("user_id", "item_id", "timestamp"),
        ("visitorid", "itemid", "ts"),
        ("customer_id", "article_id", "t_dat"),
        ("CustomerNo", "ProductNo", "Date"),
        ("reviewerID", "asin", "unixReviewTime"),
        ("session_id", "track_id", "event_time"),
    ],
)
def test_usual_names_are_known_in_any_order_of_columns(user, item, time):
    result = found(**{time: TIME, item: ITEM, "other": RNG.random(N), user: USER})
    assert given(result) == {"user": user, "item": item, "timestamp": time}
    assert all(guess.confidence >= roles.SURE for guess in result.guesses)


@pytest.mark.parametrize("first", ["user", "item"])
def test_without_names_values_tell_people_by_their_bursts(first):
    pair = {"a": USER, "b": ITEM} if first == "user" else {"a": ITEM, "b": USER}
    result = found(**pair, c=TIME)
    assert given(result) == {
        "user": "a" if first == "user" else "b",
        "item": "b" if first == "user" else "a",
        "timestamp": "c",
    }
    assert "bursts" in result.of("user").why
    assert result.of("user").confidence < roles.SURE


def test_without_names_a_file_sorted_by_user_shows_who_they_are():
    order = np.argsort(USER, kind="stable")
    result = found(a=ITEM[order], b=USER[order], c=TIME[order])
    assert (result.column("user"), result.column("item")) == ("b", "a")
    assert "side by side" in result.of("user").why


def test_events_are_words_that_mean_some():
    result = found(user=USER, item=ITEM, time=TIME, what=EVENT)
    assert result.column("event") == "what"


def test_what_follows_from_the_item_is_left_to_a_table_and_what_changes_is_context():
    result = found(
        user=USER,
        item=ITEM,
        time=TIME,
        colour=np.array(["red", "blue"])[ITEM % 2],
        country=np.array(["de", "fr"])[USER % 2],
        device=np.array(["ios", "web"])[RNG.integers(0, 2, N)],
    )
    assert result.all("context") == ("device",)
    why = {guess.column: guess.why for guess in result.guesses}
    assert "--items" in why["colour"]
    assert "--users" in why["country"]


def test_a_session_within_a_user_is_left_out():
    result = found(user_id=USER, session_id=SESSION, item_id=ITEM, ts=TIME)
    assert given(result) == {"user": "user_id", "item": "item_id", "timestamp": "ts"}


def test_a_rating_is_few_small_numbers():
    result = found(a=USER, b=ITEM, c=RNG.integers(1, 6, N), d=TIME)
    assert result.column("rating") == "c"
    assert result.of("rating").confidence < roles.SURE


def test_an_order_is_taken_where_it_tells_equal_times_apart():
    minute = TIME // 600
    assert found(user=USER, item=ITEM, time=minute * 600, seq=np.arange(N)).column("order") == "seq"
    assert found(user=USER, item=ITEM, time=np.arange(N) + TIME[0], seq=np.arange(N)).column("order") is None


def test_a_stream_has_no_user():
    assert given(found(item=ITEM, time=TIME)) == {"item": "item", "timestamp": "time"}
    assert given(found(a=ITEM, b=TIME)) == {"item": "a", "timestamp": "b"}


def test_nothing_like_a_time_leaves_it_open():
    assert found(user=USER, item=ITEM, x=RNG.random(N)).column("timestamp") is None


def test_what_was_told_wins():
    result = found({"item": "user_id", "user": "item_id"}, user_id=USER, item_id=ITEM, time=TIME)
    assert given(result) == {"user": "item_id", "item": "user_id", "timestamp": "time"}
    assert found({"user": None}, user_id=USER, item_id=ITEM, time=TIME).column("user") is None


def test_numbers_of_rows_are_no_item():
    result = found(row=np.arange(N), a=USER, b=ITEM, c=TIME)
    assert given(result) == {"user": "a", "item": "b", "timestamp": "c"}


def test_an_amount_is_left_out_with_a_hint_and_a_weight_is_taken():
    amounts = RNG.integers(1, 90, N)
    hinted = found(user=USER, item=ITEM, time=TIME, quantity=amounts)
    assert hinted.column("weight") is None
    assert "columns.weight" in hinted.guesses[-1].why
    assert found(user=USER, item=ITEM, time=TIME, weight=amounts).column("weight") == "weight"
