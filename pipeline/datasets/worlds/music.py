"""Music (or video in episodes): heavy repeats, sessions with pauses, albums in their order, favourites that come back.

A listener has three favourite tracks, liked unequally. After hours of pause a session of five tracks begins with one of
them; then mostly the album goes on, at times the track plays again, else something popular. So nearly every event
repeats something, and only the pauses say how many tracks a session has had, and so when the next one begins.

The oracle knows the albums, the listener's favourites and how many tracks the session has had. It names the favourites
where a session begins, else the album's next track and the same track, and then what is popular.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.datasets import draws
from pipeline.datasets.worlds import HOUR, MINUTE, START, Size, World, named, popular_ranks

SIZE = Size(rows=100_000, users=2_000, items=1_000)

FOLLOW, AGAIN = 0.8, 0.1  # within a session: the album's next track, the same once more; else something popular
FAVOURITES = (0.5, 0.3, 0.2)  # which of the favourites a session begins with
SESSION = 5  # tracks
_ALBUM = 8  # tracks
_EXPONENT = 1.0  # of tracks' popularity
_LEAST = 12  # events of a listener: two sessions or more


def make(size: Size, seed: int) -> World:
    """interactions.csv.gz: user, track, played_at (seconds since 1970).

    Raises: ValueError: fewer than 12 rows a user.
    """
    rng = np.random.default_rng(seed)
    lengths = draws.lengths(rng, size.rows, size.users, _LEAST)
    user = np.repeat(np.arange(size.users), lengths)
    favourites = _favourites(rng, size)
    track, opens, rank = _walk(rng, lengths, favourites, size.items)
    time = _times(rng, lengths, opens)
    names, listeners = named("t", rng.permutation(size.items)), named("u", rng.permutation(size.users))
    last = np.append(user[1:] != user[:-1], True)
    labels = pl.DataFrame(
        {
            "user": listeners[user[last]],
            "item": names[track[last]],
            "time": time[last],
            "rank": rank[last],
            "popular": popular_ranks(track, last, size.items),
        }
    )
    log = pl.DataFrame({"user": listeners[user], "track": names[track], "played_at": time // 1000})
    return World({"interactions.csv.gz": log[np.argsort(time, kind="stable")]}, labels)


def successor(track: np.ndarray, items: int) -> np.ndarray:
    """The album's next track, and after its last one the first again; [n] int64 -> [n] int64."""
    first = track - track % _ALBUM
    return first + (track - first + 1) % np.minimum(_ALBUM, items - first)


def _favourites(rng: np.random.Generator, size: Size) -> np.ndarray:
    """[users, 3] int64: each listener's favourite tracks, the most liked one first."""
    first = draws.zipf(rng, size.users, size.items, _EXPONENT)
    others = first[:, None] + np.cumsum(rng.integers(1, max(2, size.items // 3), (size.users, 2)), axis=1)
    return np.concatenate([first[:, None], others % size.items], axis=1)


def _walk(
    rng: np.random.Generator, lengths: np.ndarray, favourites: np.ndarray, items: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Track, whether a session begins with it, and the oracle's rank of every event, listeners side by side."""
    rows = int(lengths.sum())
    track, opens, rank = np.empty(rows, np.int64), np.empty(rows, bool), np.empty(rows, np.int64)
    popularity = rng.permutation(items)  # rank of each track, 0 the most popular
    by_rank = np.argsort(popularity)
    here, played = np.zeros(len(lengths), np.int64), np.full(len(lengths), SESSION)
    for n, at in draws.positions(lengths):
        new_session = played[:n] == SESSION
        opener = favourites[np.arange(n), draws.draw(rng, n, np.array(FAVOURITES))]
        popular = by_rank[draws.zipf(rng, n, items, _EXPONENT)]
        follow, chance = successor(here[:n], items), rng.random(n)
        goes_on = np.where(chance < FOLLOW, follow, np.where(chance < FOLLOW + AGAIN, here[:n], popular))
        new = np.where(new_session, opener, goes_on)
        likely = _likely(here[:n], follow, favourites[:n], new_session)
        track[at], opens[at], rank[at] = new, new_session, draws.oracle_ranks(new, likely, popularity)
        played[:n] = np.where(new_session, 1, played[:n] + 1)
        here[:n] = new
    return track, opens, rank


def _likely(here: np.ndarray, follow: np.ndarray, favourites: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """[n, 3] int64: what the oracle names first; -1: nothing."""
    within = np.stack([follow, here, np.full(len(here), -1)], axis=1)
    return np.where(begins[:, None], favourites, within)


def _times(rng: np.random.Generator, lengths: np.ndarray, opens: np.ndarray) -> np.ndarray:
    """[rows] int64 milliseconds: three or four minutes between tracks, 5 to 40 hours before a session."""
    first = np.cumsum(lengths) - lengths
    pause = rng.integers(5 * HOUR, 40 * HOUR, len(opens))
    gap = np.where(opens, pause, rng.integers(3 * MINUTE, 4 * MINUTE, len(opens)))
    time = np.cumsum(gap)
    return START + (time - np.repeat(time[first] - pause[first], lengths)) // 1000 * 1000
