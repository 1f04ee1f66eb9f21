"""Random draws that made data share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


def weights(n: int, exponent: float) -> np.ndarray:
    """Zipf's law over ranks: [n] float64, descending, sums to 1."""
    powers = np.arange(1, n + 1, dtype=np.float64) ** -exponent
    return powers / powers.sum()


def zipf(rng: np.random.Generator, size: int, n: int, exponent: float) -> np.ndarray:
    """[size] int64 ranks below n."""
    return draw(rng, size, weights(n, exponent))


def draw(rng: np.random.Generator, size: int, probability: np.ndarray) -> np.ndarray:
    """[size] int64 indices into `probability` [n], by inverting its cumulative distribution."""
    return np.minimum(np.searchsorted(np.cumsum(probability), rng.random(size), side="right"), len(probability) - 1)


def lengths(rng: np.random.Generator, rows: int, users: int, least: int, spread: float = 0.6) -> np.ndarray:
    """How many events each user has: log-normal, with a floor.

    Args:
        rng: the source of chance.
        rows: the sum.
        users: how many there are.
        least: events of each user at the least.
        spread: standard deviation of the logarithm.
    Returns: [users] int64, descending.
    Raises: ValueError: fewer rows than the floor takes.
    """
    spare = rows - least * users
    if users < 1 or spare < 0:
        raise ValueError(f"{users} users with {least} events each need {least * users} rows; got {rows}.")
    share = rng.lognormal(sigma=spread, size=users)
    return np.sort(least + rng.multinomial(spare, share / share.sum()))[::-1].astype(np.int64)


def positions(lengths: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """One position of all histories after the other, for chains that can't be drawn at once.

    Args:
        lengths: [n] int64, descending: events of each user, which lie side by side in the columns to fill.
    Yields: how many users (the first ones) still have an event, and where it lies: [that many] int64.
    """
    begin = np.cumsum(lengths) - lengths
    for step in range(int(lengths[0])):
        active = len(lengths) - int(np.searchsorted(lengths[::-1], step, side="right"))
        yield active, begin[:active] + step


def oracle_ranks(item: np.ndarray, likely: np.ndarray, popularity: np.ndarray) -> np.ndarray:
    """Rank of what came, for an oracle that names the likely items first and all others by popularity.

    Args:
        item: [n] int64, what came.
        likely: [n, c] int64, most likely first; -1: none; an item that stands twice counts where it stands first.
        popularity: [n, items] or [items] int64: each item's rank by popularity, 0 the most popular.
    Returns: [n] int64, 1 is best.
    """
    likely = likely.copy()
    for column in range(1, likely.shape[1]):
        again = (likely[:, :column] == likely[:, column : column + 1]).any(axis=1)
        likely[again, column] = -1
    named = likely >= 0
    place = np.cumsum(named, axis=1)
    hit = named & (likely == item[:, None])
    rows = np.arange(len(item))[:, None]
    order = popularity if popularity.ndim == 1 else None
    of_item = order[item] if order is not None else popularity[rows[:, 0], item]
    of_likely = order[likely] if order is not None else popularity[rows, likely]
    ahead = (named & (of_likely < of_item[:, None])).sum(axis=1)
    other = place[:, -1] + 1 + of_item - ahead
    return np.where(hit.any(axis=1), (hit * place).sum(axis=1), other)
