"""Sessions without a user: terminals that anybody walks up to, one file each.

A terminal's log is one stream of events; a pause of 45 minutes or more parts one visitor from the next. Within a
session each item is mostly followed by its successor; a visit has three to eight events. The next session's first item
has nothing to do with the last one's.

The oracle names the successor first and then what is popular; its ranks are computed so. `analytic` gives the same
figure as a formula.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.datasets import draws, synthesize
from pipeline.datasets.worlds import MINUTE, START, Size, World, named, popular_ranks

SIZE = Size(rows=100_000, users=12, items=1_000)

FOLLOW = 0.75
SESSION = (3, 8)  # events in a session, both ends included
PAUSE = (45, 240)  # minutes between sessions
_STEP = (10, 120)  # seconds between events of one


def make(size: Size, seed: int) -> World:
    """terminal-1.csv and so on, one a user of `size`: item;time (milliseconds since 1970).

    Raises: ValueError: a terminal would have no event.
    """
    rng = np.random.default_rng(seed)
    if size.rows < size.users:
        raise ValueError(f"{size.users} terminals need a row each; got {size.rows}.")
    session = np.repeat(*_sessions(rng, size.rows))
    rank = synthesize.walk(rng, session, size.items, FOLLOW)
    begins = np.append(True, session[1:] != session[:-1])
    terminal = np.arange(size.rows) * size.users // size.rows
    gap = rng.integers(_STEP[0] * 1000, _STEP[1] * 1000, size.rows)
    gap[begins] = rng.integers(PAUSE[0] * MINUTE, PAUSE[1] * MINUTE, begins.sum())
    time = _since_first(np.cumsum(gap), terminal)
    items = named("i", rng.permutation(size.items))
    log = pl.DataFrame({"item": items[rank], "time": time})
    files = {f"terminal-{n + 1}.csv": log.filter(pl.Series(terminal == n)) for n in range(size.users)}
    return World(files, _labels(size, items, rank, terminal, time), delimiter=";")


def analytic(items: int, k: int) -> float:
    """HR@k of the oracle as a formula: the successor, then the k - 1 most popular items."""
    return synthesize.ceiling(items, k, FOLLOW)


def _sessions(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Number and length of each session; the last one is cut to what is left."""
    length = rng.integers(SESSION[0], SESSION[1] + 1, rows // SESSION[0] + 1)
    ends = np.cumsum(length)
    length = length[: int(np.searchsorted(ends, rows)) + 1]
    length[-1] -= length.sum() - rows
    return np.arange(len(length)), length


def _since_first(time: np.ndarray, terminal: np.ndarray) -> np.ndarray:
    """Every terminal's clock begins on the world's first day."""
    first = np.append(True, terminal[1:] != terminal[:-1])
    return START + time - np.repeat(time[first], np.bincount(terminal))


def _labels(size: Size, items: pl.Series, rank: np.ndarray, terminal: np.ndarray, time: np.ndarray) -> pl.DataFrame:
    """The last event of every session that has three; sessions are parted by their pauses, as the chain parts them."""
    new = np.append(True, (np.diff(time) >= PAUSE[0] * MINUTE) | (np.diff(terminal) > 0))
    last = np.append(new[1:], True) & ~new & ~np.append(False, new[:-1])
    before = np.append(0, rank[:-1])
    oracle = draws.oracle_ranks(
        rank[last], synthesize.successor(before[last], size.items)[:, None], np.arange(size.items)
    )
    return pl.DataFrame(
        {
            "user": named("terminal-", terminal[last] + 1),
            "item": items[rank[last]],
            "time": time[last],
            "rank": oracle,
            "popular": popular_ranks(rank, last, size.items),
        }
    )
