"""Sessions: one file a terminal, pauses between them, and a ceiling that a formula gives, too."""

import polars as pl
import pytest

from pipeline.datasets import draws
from pipeline.datasets.worlds import Size, sessions


@pytest.fixture(scope="module")
def world():
    return sessions.make(Size(rows=100_000, users=4, items=500), 0)


def test_each_terminal_is_a_file_in_order_of_time(world):
    assert list(world.files) == ["terminal-1.csv", "terminal-2.csv", "terminal-3.csv", "terminal-4.csv"]
    assert world.delimiter == ";"
    for log in world.files.values():
        assert log["time"].is_sorted()
        gap = log["time"].diff().drop_nulls()
        assert gap.filter(gap > 120_000).min() >= 45 * 60_000
        assert 1 + (gap > 120_000).sum() == pytest.approx(log.height / 5.5, rel=0.05)  # sessions of 3 to 8 events


def test_labels_are_the_last_events_of_sessions(world):
    log = world.files["terminal-2.csv"].with_columns(ends=(pl.col("time").diff().shift(-1) > 120_000).fill_null(True))
    labels = world.labels.filter(pl.col("user") == "terminal-2")
    ends = log.filter("ends").select("item", "time")
    assert ends.height - labels.height <= 2  # a session that the file's beginning or end cut short has no label
    assert labels.select("item", "time").join(ends, on=["item", "time"]).height == labels.height


@pytest.mark.parametrize("k", [1, 5, 10])
def test_oracle_reaches_what_the_formula_says(world, k):
    error = 3 * (0.25 / world.labels.height) ** 0.5
    assert world.ceiling(k) == pytest.approx(sessions.analytic(500, k), abs=error + 0.01)


def test_counting_what_follows_an_item_comes_near_the_ceiling(world, counted):
    named = [log.with_columns(terminal=pl.lit(name)) for name, log in world.files.items()]
    log = pl.concat(named).with_columns(begins=pl.col("time").diff().abs().fill_null(10**9) > 120_000)
    told = log.select(user=pl.col("begins").cum_sum(), item="item", after="item")
    last = counted(told.filter(pl.len().over("user") > 1), 10)
    hits = last["likely"].list.contains(last["item"])
    assert world.ceiling(10) * 0.95 < hits.mean() <= world.ceiling(10) + 0.01
    assert draws.weights(500, 1.0)[:10].sum() < 0.6 * world.ceiling(10)  # the most popular ten
