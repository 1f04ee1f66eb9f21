"""A shop: what its log is like, and that counting reaches what the oracle says can be reached."""

import numpy as np
import polars as pl
import pytest

from pipeline.datasets.worlds import Size, shop


@pytest.fixture(scope="module")
def world():
    return shop.make(Size(rows=200_000, users=5_000, items=300), 0)


@pytest.fixture(scope="module")
def log(world):
    """The log in order of each visitor's time, and what the row before says."""
    moment = pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_zone="UTC")
    return world.files["interactions.csv.gz"].with_columns(moment).sort("visitor", "at")


def test_times_have_zones_and_no_visitor_has_two_events_at_once(world, log):
    zones = world.files["interactions.csv.gz"]["at"].str.extract(r"(Z|[+-]\d\d:\d\d)$", 1)
    assert set(zones) == {"Z", "+02:00", "-05:00", "+05:30"}
    assert not log.select("visitor", "at").is_duplicated().any()


def test_a_cart_follows_a_view_and_a_purchase_a_cart_of_the_same_product(log):
    before = log.with_columns(pl.col("sku", "event").shift(1).over("visitor").name.prefix("before_"))
    for event, needs in (("cart", "view"), ("purchase", "cart")):
        rows = before.filter(pl.col("event") == event)
        assert rows.height > 1_000
        assert rows.filter((pl.col("before_event") != needs) | (pl.col("before_sku") != pl.col("sku"))).is_empty()


def test_half_of_the_events_repeat_a_product_of_the_past(log):
    assert 0.4 < 1 - log.select("visitor", "sku").n_unique() / log.height < 0.8


def test_groups_look_at_a_department_of_their_own(world, log):
    seen = log.join(world.files["items.csv"], on="sku").join(world.files["users.csv"], on="visitor")
    department = pl.col("category").str.split("|").list.first().alias("department")
    shares = seen.group_by("group", department).len().with_columns(pl.col("len") / pl.col("len").sum().over("group"))
    assert shares.group_by("group").agg(pl.col("len").max())["len"].min() > 0.5
    assert shares.filter(pl.col("len") > 0.5)["department"].n_unique() == len(shop.GROUPS)


def test_categories_have_several_values_and_some_prices_are_missing(world):
    items = world.files["items.csv"]
    assert items["category"].str.contains(r"^\w+\|\w+-\d+$").all()
    assert 0 < items["price"].null_count() < 0.1 * items.height
    assert items["sku"].str.len_chars().unique().to_list() == [7]


def test_counting_what_follows_a_product_and_its_event_comes_near_the_ceiling(world, log, counted):
    told = log.select(user="visitor", item="sku", after=pl.concat_str("sku", "event", separator=" "))
    last = counted(told, 9)
    hits = last["likely"].list.contains(last["item"]).fill_null(False)
    assert world.ceiling(10) * 0.93 < hits.mean() <= world.ceiling(10) + 0.01
    assert world.popular(10) < 0.3 * world.ceiling(10)


def test_chains_are_rings_within_a_category():
    for items in (1, 12, 13, 30):
        after = shop.successor(np.arange(items), items)
        assert sorted(after) == list(range(items))
        assert (after // 12 == np.arange(items) // 12).all()
