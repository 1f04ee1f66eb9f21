"""Music: sessions, albums in their order, favourites that come back; and what can be reached on them."""

import polars as pl
import pytest

from pipeline.datasets.worlds import Size, music


@pytest.fixture(scope="module")
def world():
    return music.make(Size(rows=120_000, users=2_000, items=400), 0)


@pytest.fixture(scope="module")
def log(world):
    """The log in order of each listener's time, with `opens`: an hour or more has passed."""
    log = world.files["interactions.csv.gz"].sort("user", "played_at")
    gap = pl.col("played_at").diff().over("user")
    return log.with_columns(opens=(gap >= 3_600).fill_null(True))


def test_sessions_have_five_tracks(log):
    session = log.with_columns(session=pl.col("opens").cum_sum())
    whole = session.filter(pl.col("session") < pl.col("session").max().over("user"))
    assert set(whole.group_by("session").len()["len"]) == {music.SESSION}


def test_nearly_every_event_repeats_the_past(log):
    assert log.select("user", "track").n_unique() < 0.5 * log.height


def test_sessions_begin_with_at_most_three_favourites_of_a_listener(log):
    opened = log.filter("opens").group_by("user").agg(pl.col("track").n_unique())["track"]
    assert opened.max() == len(music.FAVOURITES)


def test_following_albums_and_favourites_comes_near_the_ceiling(world, log, counted):
    last = counted(log.select("user", item="track", after="track"), 6)
    openers = log.filter("opens").group_by("user", "track").len().sort("len", descending=True)
    openers = openers.group_by("user", maintain_order=True).agg(pl.col("track").head(3).alias("openers"))
    last = last.join(openers, on="user").with_columns(named=pl.col("likely").list.concat("openers"))
    hits = last["named"].list.contains(last["item"])
    assert world.ceiling(10) * 0.95 < hits.mean() <= world.ceiling(10) + 0.01
    assert world.popular(10) < 0.4 * world.ceiling(10)
