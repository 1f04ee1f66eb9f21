"""Music (or video in episodes): heavy repeats, sessions with pauses, albums in their order, favourites that come back.

A listener has three favourite albums, liked unequally. A session begins, after hours, with the first track of one of
them; then mostly the album goes on, at times the track plays again, else something popular. A session has four to six
tracks. So nearly every event repeats something, and the pause before an event says where in a session it stands.

The oracle knows the albums, the listener's favourites and how many tracks the session has had. From these it names the
favourites' first tracks where a session may begin, the album's next track, the same track, and then what is popular.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.datasets import draws
from pipeline.datasets.worlds import HOUR, MINUTE, START, Size, World, named, popular_ranks

SIZE = Size(rows=100_000, users=2_000, items=1_000)

FOLLOW, AGAIN = 0.8, 0.1  # within a session: the album's next track, the same once more; else something popular
FAVOURITES = (0.5, 0.3, 0.2)  # which of the favourite albums a session begins with
SESSION = (4, 6)  # tracks in a session, both ends included, each as likely
_ALBUM = 8  # tracks
_EXPONENT = 1.0  # of albums as favourites, and of tracks
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
    """[users, 3] int64: the first tracks of each listener's favourite albums, the most liked one first."""
    albums = -(-size.items // _ALBUM)
    first = draws.zipf(rng, size.users, albums, _EXPONENT)
    others = first[:, None] + np.cumsum(rng.integers(1, max(2, albums // 3), (size.users, 2)), axis=1)
    return np.concatenate([first[:, None], others % albums], axis=1) * _ALBUM


def _walk(
    rng: np.random.Generator, lengths: np.ndarray, favourites: np.ndarray, items: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Track, whether a session begins with it, and the oracle's rank of every event, listeners side by side."""
    rows = int(lengths.sum())
    track, opens, rank = np.empty(rows, np.int64), np.empty(rows, bool), np.empty(rows, np.int64)
    popularity = rng.permutation(items)  # rank of each track, 0 the most popular
    by_rank = np.argsort(popularity)
    here, played, left = (np.zeros(len(lengths), np.int64) for _ in range(3))
    for n, at in draws.positions(lengths):
        new_session = left[:n] == 0
        opener = favourites[np.arange(n), draws.draw(rng, n, np.array(FAVOURITES))]
        popular = by_rank[draws.zipf(rng, n, items, _EXPONENT)]
        follow, chance = successor(here[:n], items), rng.random(n)
        goes_on = np.where(chance < FOLLOW, follow, np.where(chance < FOLLOW + AGAIN, here[:n], popular))
        new = np.where(new_session, opener, goes_on)
        likely = _likely(here[:n], follow, favourites[:n], played[:n])
        track[at], opens[at], rank[at] = new, new_session, draws.oracle_ranks(new, likely, popularity)
        drawn = rng.integers(SESSION[0], SESSION[1] + 1, n)
        left[:n] = np.where(new_session, drawn, left[:n]) - 1
        played[:n] = np.where(new_session, 1, played[:n] + 1)
        here[:n] = new
    return track, opens, rank


def _likely(here: np.ndarray, follow: np.ndarray, favourites: np.ndarray, played: np.ndarray) -> np.ndarray:
    """[n, 5] int64: what the oracle names first, given how many tracks the session has had (0: there was none yet).

    A session of 4 to 6 tracks ends after its 4th with a chance of 1/3, after its 5th of 1/2, after its 6th surely.
    """
    none, goes_on = np.full(len(here), -1), np.stack([follow, here], axis=1)
    within = np.concatenate([goes_on, favourites], axis=1)
    ending = np.concatenate([goes_on[:, :1], favourites, goes_on[:, 1:]], axis=1)
    starting = np.concatenate([favourites, none[:, None], none[:, None]], axis=1)
    begins = (played == 0) | (played >= SESSION[1])
    may_begin = played >= SESSION[0]
    within[played < SESSION[0], 2:] = -1
    return np.where(begins[:, None], starting, np.where(may_begin[:, None], ending, within))


def _times(rng: np.random.Generator, lengths: np.ndarray, opens: np.ndarray) -> np.ndarray:
    """[rows] int64 milliseconds: three or four minutes between tracks, 5 to 40 hours before a session."""
    first = np.cumsum(lengths) - lengths
    pause = rng.integers(5 * HOUR, 40 * HOUR, len(opens))
    gap = np.where(opens, pause, rng.integers(3 * MINUTE, 4 * MINUTE, len(opens)))
    time = np.cumsum(gap)
    return START + (time - np.repeat(time[first] - pause[first], lengths)) // 1000 * 1000
