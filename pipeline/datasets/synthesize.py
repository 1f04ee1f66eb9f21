"""Made interaction logs of any size, with an order that a model can learn and a known share that it can reach.

Items and users are Zipf-distributed. A user's next item follows from the last one with probability `follow`: it is then
the last one's successor, by a fixed permutation of the catalogue. Otherwise it is drawn from the popularity
distribution. Successors are of like popularity (cycles over ranks 1-8, 9-16, 17-32, …), so that following them leaves
the distribution as it is, within a factor of two for an item.

What a good model can reach, with repeats: it puts the successor first and the most popular items after it, see
`ceiling`; at 10,000 items HR@1 0.70 and HR@10 0.79. Without repeats an event is passed over where the user has had its
item, which lowers it, the more, the more of the catalogue a user knows: at 10^6 rows of 10^4 users 0.68 and 0.71.
"""

from __future__ import annotations

import gzip
import pathlib
from collections.abc import Callable
from typing import IO, cast

import numpy as np
import polars as pl

from pipeline.datasets.draws import weights, zipf

FOLLOW = 0.7
USER_EXPONENT = 0.6  # of users' activity: the busiest of 10^5 users has about 1 in 250 events
ITEM_EXPONENT = 1.0  # of items' popularity
_FIRST_BAND = 8  # items in the first cycle; each further one goes up to the double rank
_START = 1_700_000_000  # seconds: 2023-11-14
_SPACING = 6  # seconds between events at the least, so that no two of them tie
_SPAN = 63_072_000  # seconds: two years, where that leaves room for the spacing
_ROUNDS = 6  # without repeats: draws, each larger by what the last one lacked, before giving up
_SPARE = 1.25  # how much more than that
_MOST_DRAWN = 20  # events drawn for each row asked for, before giving up: memory


def synthesize(path: pathlib.Path, rows: int, users: int, items: int, seed: int = 0, repeats: bool = False) -> None:
    """Writes a made log: user_id ("u7"), item_id ("i12"), rating (1 to 5, noise), timestamp (seconds, rising).

    Args:
        path: .csv, .csv.gz or .parquet decides the format; an existing file is replaced.
        rows: interactions, exactly.
        users: users at most; the least active ones may be left without an event.
        items: items at most, likewise.
        seed: the same seed gives the same file on every machine.
        repeats: whether a user may meet an item again.
    Raises: ValueError: another suffix, a number below 1, or more rows than users have unseen items for.
    """
    if min(rows, users, items) < 1:
        raise ValueError(f"rows, users and items are at least 1; got {rows}, {users}, {items}.")
    write = _writer(path)
    rng = np.random.default_rng(seed)
    user, rank = events(rng, rows, users, items, repeats=repeats)
    names = rng.permutation(items)  # an id says nothing about popularity or successor
    step = max(_SPAN // rows, _SPACING)
    start = _START + min(0, _SPAN - step * rows)  # many rows begin earlier, or the last would be from the future
    frame = pl.DataFrame(
        {
            "user": rng.permutation(users)[user],
            "item": names[rank],
            "rating": rng.integers(1, 6, rows, dtype=np.int8),
            "timestamp": start + step * np.arange(rows, dtype=np.int64),
        }
    )
    named = [pl.format("u{}", "user").alias("user_id"), pl.format("i{}", "item").alias("item_id")]
    write(frame.select(*named, "rating", "timestamp"), path)


def events(
    rng: np.random.Generator, rows: int, users: int, items: int, *, repeats: bool, follow: float = FOLLOW
) -> tuple[np.ndarray, np.ndarray]:
    """User and item of each event, in the order of time.

    Returns: [rows] int64 user, 0 the most active; [rows] int64 item's rank, 0 the most popular.
    Raises: ValueError: without repeats, more rows than users have unseen items for.
    """
    draw = rows if repeats else int(rows * _SPARE)
    for _ in range(_ROUNDS):
        if not repeats and (rows > users * items or draw > rows * _MOST_DRAWN):
            break
        user = zipf(rng, draw, users, USER_EXPONENT)
        rank = walk(rng, user, items, follow)
        if repeats:
            return user, rank
        new = _first_meetings(user, rank, items)
        if len(new) >= rows:
            return user[new[:rows]], rank[new[:rows]]
        draw = int(draw * _SPARE * rows / len(new))
    raise ValueError(f"{users} users can't have {rows} events over {items} items without repeats: ask for fewer rows.")


def ceiling(items: int, k: int, follow: float = FOLLOW) -> float:
    """HR@k of the best possible model on a log with repeats: the successor first, then the k - 1 most popular items.

    It misses by no more than an event in which the successor is itself among these.
    """
    popularity = weights(items, ITEM_EXPONENT)
    return follow + (1 - follow) * float(popularity[: k - 1].sum())


def successor(rank: np.ndarray, items: int) -> np.ndarray:
    """The rank that follows each rank where the order is kept; [n] int64 -> [n] int64."""
    return _advance(rank, np.ones_like(rank), items)


def _advance(rank: np.ndarray, steps: np.ndarray, items: int) -> np.ndarray:
    """`steps` successors on, within the cycle that holds `rank`."""
    edges = _FIRST_BAND * 2 ** np.arange(max(1, items).bit_length())
    edges = np.concatenate([[0], edges[edges < items], [items]])
    band = np.searchsorted(edges, rank, side="right") - 1
    low, size = edges[band], np.diff(edges)[band]
    return low + (rank - low + steps) % size


def walk(rng: np.random.Generator, user: np.ndarray, items: int, follow: float) -> np.ndarray:
    """Item ranks for events of `user` [n] in order of time: fresh draws, each followed by its successors."""
    n = len(user)
    order = np.argsort(user, kind="stable")  # a user's events side by side, still in order of time
    by_user = user[order]
    fresh = rng.random(n) >= follow
    fresh[0] = True
    fresh[1:] |= by_user[1:] != by_user[:-1]
    position = np.arange(n)
    origin = np.maximum.accumulate(np.where(fresh, position, 0))
    drawn = zipf(rng, n, items, ITEM_EXPONENT)
    rank = np.empty(n, np.int64)
    rank[order] = _advance(drawn[origin], position - origin, items)
    return rank


def _first_meetings(user: np.ndarray, rank: np.ndarray, items: int) -> np.ndarray:
    """Positions at which a user meets an item for the first time, ascending."""
    pair = pl.DataFrame({"pair": user * items + rank}).with_row_index("position")
    first = pair.group_by("pair").agg(pl.col("position").min())
    return np.sort(first["position"].to_numpy()).astype(np.int64)


def _writer(path: pathlib.Path) -> Callable[[pl.DataFrame, pathlib.Path], None]:
    """What writes a frame in the format of the path's suffix. Raises: ValueError: a suffix of none of them."""
    for suffix, write in ((".csv.gz", _write_gzip), (".csv", _write_csv), (".parquet", _write_parquet)):
        if path.name.endswith(suffix):
            return write
    raise ValueError(f"{path}: made data are written as .csv, .csv.gz or .parquet.")


def _write_csv(frame: pl.DataFrame, path: pathlib.Path) -> None:
    frame.write_csv(path)


def _write_parquet(frame: pl.DataFrame, path: pathlib.Path) -> None:
    frame.write_parquet(path)


def _write_gzip(frame: pl.DataFrame, path: pathlib.Path) -> None:
    """Level 1 and no time stamp inside: quick, and the same bytes for the same data."""
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as file:
        frame.write_csv(cast(IO[bytes], file))
