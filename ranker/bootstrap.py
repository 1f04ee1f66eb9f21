"""Confidence intervals of statistics over users, by resampling users (Efron and Tibshirani, 1993, chapters 6 and 13).

Examples of one user aren't independent of each other, so whole users are drawn. Beyond GROUPS users, users are dealt
at random into GROUPS groups and groups are drawn: groups of independent users are independent as well, so the
intervals stay right to about 1 / sqrt(2 * GROUPS) of their width, and the cost no longer grows with the users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GROUPS = 4096
_AT_ONCE = 64  # resamples whose weights are held in memory together


class Interval(NamedTuple):
    """A statistic and the bounds that a percentile bootstrap gives it."""

    value: float
    low: float
    high: float


def intervals(
    values: np.ndarray, users: np.ndarray, *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0
) -> list[Interval]:
    """Percentile bootstrap intervals of the mean of each column.

    All columns share their resamples. For a paired comparison of two models, hand over the column of differences.

    Args:
        values: [n, m] float64, one row an example.
        users: [n] int64, number of each example's user, from 0; the order of the rows is of no matter.
        confidence: share of resamples between the bounds, in (0, 1).
        resamples: how many, at least 1.
        seed: the same rows and seed give the same bounds.
    Returns: m intervals.
    Raises: ValueError: no examples, or lengths that differ.
    """
    if len(values) != len(users):
        raise ValueError(f"An interval needs examples, each with its user; got {len(values)} and {len(users)}.")

    def add_up(group: np.ndarray, groups: int) -> np.ndarray:
        columns = [*values.T, np.ones(len(values))]
        return np.stack([np.bincount(group, column, groups) for column in columns], axis=1)

    def means(sums: np.ndarray) -> np.ndarray:
        return sums[:, :-1] / sums[:, -1:]

    return of_sums(add_up, means, users, confidence=confidence, resamples=resamples, seed=seed)


def of_sums(
    add_up: Callable[[np.ndarray, int], np.ndarray],
    statistics: Callable[[np.ndarray], np.ndarray],
    users: np.ndarray,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Interval]:
    """Percentile bootstrap intervals of statistics that follow from sums over examples.

    Args:
        add_up: group of each example, [n] int64, and how many groups there are -> their sums, [g, m] float64.
        statistics: [r, m] sums -> [r, k].
        users, confidence, resamples, seed: as for `intervals`.
    Returns: k intervals.
    Raises: ValueError: no examples.
    """
    if len(users) == 0:
        raise ValueError("An interval needs examples, each with its user; got none.")
    rng = np.random.default_rng(seed)
    sums = add_up(*_groups(users, rng))
    drawn = np.concatenate([statistics(weights @ sums) for weights in _weights(len(sums), resamples, rng)])
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    whole = statistics(sums.sum(axis=0, keepdims=True))[0]
    return [Interval(*(float(x) for x in bounds)) for bounds in zip(whole, low, high, strict=True)]


def _groups(users: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """The group of each example's user, [n] int64, and the number of groups, at most GROUPS."""
    present, user = np.unique(users, return_inverse=True)
    if len(present) > GROUPS:
        user = rng.permutation(np.arange(len(present)) % GROUPS)[user]
    return user.astype(np.int64), min(len(present), GROUPS)


def _weights(groups: int, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each group is drawn, some resamples at a time: [r, groups] float64."""
    for start in range(0, resamples, _AT_ONCE):
        rows = min(_AT_ONCE, resamples - start)
        drawn = rng.integers(0, groups, (rows, groups)) + groups * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.float64)
