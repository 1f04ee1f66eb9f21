"""Usual names of columns and events have their role in any spelling; others have none."""

import pytest

from pipeline.guess import names


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("user_id", "user"),
        ("visitorid", "user"),
        ("CustomerID", "user"),
        ("Customer Id", "user"),
        ("user_hash_id", "user"),
        ("session_id", "session"),
        ("SKU", "item"),
        ("article_id", "item"),
        ("movieId", "item"),
        ("parent_asin", "item"),
        ("unix_timestamp", "time"),
        ("ts", "time"),
        ("event_time", "time"),
        ("event_type", "event"),
        ("timestmap", "time"),
        ("category_id", "coarse"),
        ("stars", "rating"),
    ],
)
def test_usual_name_has_its_role(name, role):
    assert names.role(name)[0] == role


@pytest.mark.parametrize("name", ["", "column_1", "x", "§§", "lorem"])
def test_other_names_say_nothing(name):
    assert names.role(name) is None


def test_a_name_may_mean_two_things():
    assert names.near("device", "user") == names.near("device", "context") == 1.0


def test_a_stronger_sign_of_interest_weighs_more():
    weights = [names.event_weight(word) for word in ("remove_from_cart", "View", "add-to-cart", "purchase")]
    assert weights == sorted(weights)
    assert len(set(weights)) == 4
    assert names.event_weight("frobnicated") is None
