"""News: articles live two days, so that most labels of the test days are articles that training never saw.

Every topic gets a new article at about even times. A reader goes through the topics in a fixed round, and reads there
one of the articles of the last two days: a fresh one rather than an old one, and none older than one already read. One
event in five instead goes on with the guides: a series that everybody reads in the same order, and that never ages.
Some readers come for the first time in the test days.

The oracle knows the round, the series, when each article was published and when the reader comes. From these it
computes the exact chance of every article, and ranks by it.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.datasets import draws
from pipeline.datasets.worlds import HOUR, START, Size, World, named, popular_ranks

SIZE = Size(rows=100_000, users=4_000, items=2_000)

DAYS, TEST_DAYS = 20, 2
LIFE = 48.0  # hours
FOLLOW = 0.7  # the next topic of the round; else any topic
GUIDE = 0.2  # of events go on with the guides
STRANGERS = 0.1  # of readers have their first event in the test days
AGEING = 1.5  # an article is read in proportion to (1 + hours since publication) ** -AGEING
TOPICS = ("politics", "sports", "science", "culture", "business", "travel", "health", "local")

_LEAST = 4
_WORDS = 12  # of each topic's own
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "ke", "li", "mo", "nu", "pa", "re", "si", "to", "vu", "za")


class _Press:
    """Articles: topic by topic in order of publication, then the guides.

    Args:
        rng: the source of chance.
        items: how many articles, guides included.
    """

    def __init__(self, rng: np.random.Generator, items: int) -> None:
        self.guides = max(4, items // 20)
        self.each = (items - self.guides) // len(TOPICS)  # articles of a topic
        if self.each < DAYS:
            raise ValueError(f"{DAYS} days of {len(TOPICS)} topics need more than {items} articles.")
        self.items = self.each * len(TOPICS) + self.guides
        self.every = (DAYS * 24.0 + LIFE) / self.each  # hours between a topic's articles
        jitter = rng.random((len(TOPICS), self.each)) * 0.9
        self.published = (np.arange(self.each) + jitter) * self.every - LIFE  # hours since the first day
        self.live = int(np.ceil(LIFE / self.every)) + 1  # articles of a topic that can be two days old at most

    def guide(self, number: np.ndarray) -> np.ndarray:
        """Article number of the guides' n-th."""
        return self.each * len(TOPICS) + number % self.guides

    def chances(self, topic: np.ndarray, hour: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which articles of a topic can be read now, and how likely each is.

        Args:
            topic: [n] int64.
            hour: [n] float64, since the first day.
            after: [n] int64, the topic's newest article that the reader knows; -1: none.
        Returns: [n, live] int64 number within the topic; [n, live] float64, sums to 1, or to 0 where none is left.
        """
        newest = np.minimum(((hour + LIFE) / self.every).astype(np.int64), self.each - 1)
        number = newest[:, None] - np.arange(self.live)
        age = hour[:, None] - self.published[topic[:, None], np.maximum(number, 0)]
        there = (number > after[:, None]) & (number >= 0) & (age >= 0) & (age <= LIFE)
        chance = np.where(there, (1.0 + np.maximum(age, 0.0)) ** -AGEING, 0.0)
        total = chance.sum(axis=1, keepdims=True)
        return number, np.divide(chance, total, out=np.zeros_like(chance), where=total > 0)


def make(size: Size, seed: int) -> World:
    """interactions.csv.gz: user, article, timestamp (milliseconds). items.csv: article, title, topic, published.

    Raises: ValueError: fewer than 4 rows a user, or too few articles for the days.
    """
    rng = np.random.default_rng(seed)
    press = _Press(rng, size.items)
    lengths = draws.lengths(rng, size.rows, size.users, _LEAST)
    user = np.repeat(np.arange(size.users), lengths)
    hour = _hours(rng, user, size.users)
    first_label = _first_labels(user, hour)
    article, rank = _walk(rng, lengths, hour, press, first_label)
    names, readers = named("a", rng.permutation(press.items), 6), named("u", rng.permutation(size.users), 6)
    time = START + (hour * HOUR).astype(np.int64)
    labels = pl.DataFrame(
        {
            "user": readers[user[first_label]],
            "item": names[article[first_label]],
            "time": time[first_label],
            "rank": rank[first_label],
            "popular": _popular(article, hour, first_label, press.items),
        }
    )
    log = pl.DataFrame({"user": readers[user], "article": names[article], "timestamp": time})
    files = {"interactions.csv.gz": log[np.argsort(time, kind="stable")], "items.csv": _items(rng, press, names)}
    return World(files, labels)


def _hours(rng: np.random.Generator, user: np.ndarray, users: int) -> np.ndarray:
    """[rows] float64: when each event comes, ascending within a user."""
    stranger = rng.random(users) < STRANGERS
    begin = np.where(stranger, DAYS - TEST_DAYS, 0)[user] * 24.0
    hour = begin + rng.random(len(user)) * (DAYS * 24.0 - begin)
    hour = hour[np.lexsort((hour, user))]
    hour[-1] = DAYS * 24.0  # so that the test days begin where the configuration puts them
    return hour


def _first_labels(user: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """[rows] bool: each user's first event of the test days."""
    tested = hour >= hour.max() - TEST_DAYS * 24.0
    before = np.append(False, tested[:-1] & (user[1:] == user[:-1]))
    return tested & ~before


def _popular(article: np.ndarray, hour: np.ndarray, label: np.ndarray, items: int) -> np.ndarray:
    """Rank of the labels by what was read before the test days."""
    known = (hour < hour.max() - TEST_DAYS * 24.0) | label
    return popular_ranks(article[known], label[known], items)


def _walk(
    rng: np.random.Generator, lengths: np.ndarray, hour: np.ndarray, press: _Press, label: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Article of every event, and the oracle's rank of every label (others: 0), readers side by side."""
    users = len(lengths)
    article, rank = np.empty(len(hour), np.int64), np.zeros(len(hour), np.int64)
    topic, guides = np.full(users, -1), np.zeros(users, np.int64)
    known = np.full((users, len(TOPICS)), -1)
    for n, at in draws.positions(lengths):
        row = np.arange(n)
        to = _next_topic(rng, topic[:n])
        number, chance = press.chances(to, hour[at], known[row, to])
        place = np.minimum((np.cumsum(chance, axis=1) < rng.random((n, 1))).sum(axis=1), press.live - 1)
        reads_guide = (rng.random(n) < GUIDE) | (chance.sum(axis=1) == 0)
        chosen = number[row, place]
        tested = label[at]
        if tested.any():
            truth = np.where(reads_guide, -1, to * press.live + place)
            rank[at[tested]] = _oracle(press, hour[at], topic[:n], known[:n], truth, tested)
        article[at] = np.where(reads_guide, press.guide(guides[:n]), to * press.each + chosen)
        known[row, to] = np.where(reads_guide, known[row, to], chosen)
        topic[:n] = np.where(reads_guide, topic[:n], to)
        guides[:n] += reads_guide
    return article, rank


def _next_topic(rng: np.random.Generator, topic: np.ndarray) -> np.ndarray:
    """The next topic of the round, or any; a reader who had none gets any."""
    anything = rng.integers(len(TOPICS), size=len(topic))
    follows = (rng.random(len(topic)) < FOLLOW) & (topic >= 0)
    return np.where(follows, (topic + 1) % len(TOPICS), anything)


def _oracle(
    press: _Press, hour: np.ndarray, topic: np.ndarray, known: np.ndarray, truth: np.ndarray, tested: np.ndarray
) -> np.ndarray:
    """Rank of what came among the exact chances of all articles, for the rows that are tested.

    Args:
        truth: [n] int64: topic * live + place of an article, -1: the next guide.
    """
    hour, topic, known, truth = hour[tested], topic[tested], known[tested], truth[tested]
    n = len(hour)
    share = np.full((n, len(TOPICS)), 1.0 / len(TOPICS))
    had = topic >= 0
    share[had] *= 1.0 - FOLLOW
    share[had, (topic[had] + 1) % len(TOPICS)] += FOLLOW
    chance = np.zeros((n, len(TOPICS), press.live))
    for each in range(len(TOPICS)):
        chance[:, each] = press.chances(np.full(n, each), hour, known[:, each])[1]
    chance *= (1.0 - GUIDE) * share[:, :, None]
    guide = 1.0 - chance.sum(axis=(1, 2))  # what no article is left for goes to the guides
    every = np.concatenate([chance.reshape(n, -1), guide[:, None]], axis=1)
    came = every[np.arange(n), truth]
    return 1 + (every > came[:, None]).sum(axis=1)


def _items(rng: np.random.Generator, press: _Press, names: pl.Series) -> pl.DataFrame:
    """Every article, with words of its topic as its title; guides are of all topics and older than the log."""
    fresh = press.each * len(TOPICS)
    topic = np.concatenate([np.repeat(np.arange(len(TOPICS)), press.each), np.arange(press.guides) % len(TOPICS)])
    hours = np.concatenate([press.published.ravel(), -24.0 * (30 + np.arange(press.guides))])
    words = pl.Series([_SYLLABLES[i // 16] + _SYLLABLES[i % 16] + "n" for i in range(len(TOPICS) * _WORDS)])
    of_topic = rng.integers(_WORDS, size=(3, press.items)) + topic * _WORDS
    title = words[of_topic[0]] + " " + words[of_topic[1]] + " " + words[of_topic[2]]
    kind = pl.Series(np.arange(press.items) >= fresh)
    title = pl.select(pl.when(kind).then("Guide: " + title).otherwise(title)).to_series()
    published = START + (hours * HOUR).astype(np.int64)
    return pl.DataFrame(
        {"article": names, "title": title, "topic": pl.Series(TOPICS)[topic], "published": published}
    ).sort("article")
