"""News: articles that training never saw, readers who come for the first time, and an oracle made from the files."""

import numpy as np
import polars as pl
import pytest

from pipeline.datasets.worlds import Size, news

DAY = 86_400_000


@pytest.fixture(scope="module")
def world():
    return news.make(Size(rows=40_000, users=1_500, items=1_000), 0)


@pytest.fixture(scope="module")
def log(world):
    """The log in order of each reader's time, with what the items table says."""
    log = world.files["interactions.csv.gz"].join(world.files["items.csv"], on="article")
    return log.sort("user", "timestamp").with_columns(guide=pl.col("title").str.starts_with("Guide"))


def test_articles_are_read_within_two_days_of_publication_and_guides_at_any_time(log):
    age = pl.col("timestamp") - pl.col("published")
    ages = log.filter(~pl.col("guide")).select(age).to_series()
    assert (ages.min() >= 0, ages.max() <= 2 * DAY) == (True, True)
    assert log.filter("guide").select(age).to_series().min() > 20 * DAY


def test_no_reader_reads_an_article_twice(log):
    fresh = log.filter(~pl.col("guide"))
    assert not fresh.select("user", "article").is_duplicated().any()


def test_most_labels_of_the_test_days_are_articles_that_training_never_saw(world, log):
    newest = log["timestamp"].max()
    seen = log.filter(pl.col("timestamp") < newest - 4 * DAY)["article"].unique()
    assert 0.6 < (~world.labels["item"].is_in(seen.to_list())).mean() < 0.9


def test_every_tenth_reader_comes_for_the_first_time_in_the_test_days(world, log):
    first = log.group_by("user").agg(pl.col("timestamp").min())
    strangers = first.filter(pl.col("timestamp") >= log["timestamp"].max() - 2 * DAY)["user"]
    assert strangers.len() / first.height == pytest.approx(news.STRANGERS, abs=0.03)
    assert strangers.is_in(world.labels["user"].to_list()).all()


def test_rules_and_items_table_alone_reach_the_ceiling(world, log):
    articles = world.files["items.csv"].with_columns(guide=pl.col("title").str.starts_with("Guide"))
    fresh = articles.filter(~pl.col("guide"))
    topic = np.array([news.TOPICS.index(name) for name in fresh["topic"]])
    published, names = fresh["published"].to_numpy(), fresh["article"].to_numpy()
    guides = articles.filter("guide").sort("published", descending=True)["article"].to_list()
    hits = []
    for label in world.labels.head(300).iter_rows(named=True):
        past = log.filter((pl.col("user") == label["user"]) & (pl.col("timestamp") < label["time"]))
        known = past.filter(~pl.col("guide"))
        next_guide = guides[past["guide"].sum() % len(guides)]
        share = np.full(len(news.TOPICS), 1 / len(news.TOPICS))
        if known.height:
            share *= 1 - news.FOLLOW
            share[(news.TOPICS.index(known["topic"][-1]) + 1) % len(news.TOPICS)] += news.FOLLOW
        hours = (label["time"] - published) / 3_600_000
        chance = np.where((hours >= 0) & (hours <= news.LIFE), (1 + np.maximum(hours, 0)) ** -news.AGEING, 0)
        for name, newest in known.group_by("topic").agg(pl.col("published").max()).iter_rows():
            chance[(topic == news.TOPICS.index(name)) & (published <= newest)] = 0
        total = np.bincount(topic, chance, len(news.TOPICS))
        chance *= (1 - news.GUIDE) * share[topic] / np.where(total > 0, total, 1)[topic]
        best = {next_guide, *names[np.argsort(-chance)[:9]]}
        hits.append(label["item"] in best)
    assert np.mean(hits) == pytest.approx((world.labels["rank"].head(300) <= 10).mean(), abs=0.01)
