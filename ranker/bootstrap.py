"""Confidence intervals of means over users, by resampling users (Efron and Tibshirani, 1993, chapters 6 and 13).

Examples of one user aren't independent of each other, so whole users are drawn. Beyond GROUPS users, users are dealt
at random into GROUPS groups and groups are drawn: groups of independent users are independent as well, so the
intervals stay right to about 1 / sqrt(2 * GROUPS) of their width, and the cost no longer grows with the users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = 4096
_AT_ONCE = 64  # resamples whose weights are held in memory together


class Interval(NamedTuple):
    """A mean and the bounds that a percentile bootstrap gives it."""

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
    if len(values) == 0 or len(values) != len(users):
        raise ValueError(f"An interval needs examples, each with its user; got {len(values)} and {len(users)}.")
    rng = np.random.default_rng(seed)
    sums, counts = _group_sums(values, users, rng)
    means = np.concatenate([(w @ sums) / (w @ counts)[:, None] for w in _weights(len(counts), resamples, rng)])
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail], axis=0)
    whole = sums.sum(axis=0) / counts.sum()
    return [Interval(*(float(x) for x in bounds)) for bounds in zip(whole, low, high, strict=True)]


def _group_sums(values: np.ndarray, users: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sums of each column and numbers of examples, by group of users: [g, m] and [g], g <= GROUPS."""
    present, user = np.unique(users, return_inverse=True)
    if len(present) > GROUPS:
        user = rng.permutation(np.arange(len(present)) % GROUPS)[user]
    groups = min(len(present), GROUPS)
    sums = [np.bincount(user, weights=column, minlength=groups) for column in values.T]
    return np.stack(sums, axis=1), np.bincount(user, minlength=groups).astype(np.float64)


def _weights(groups: int, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each group is drawn, some resamples at a time: [r, groups] float64."""
    for start in range(0, resamples, _AT_ONCE):
        rows = min(_AT_ONCE, resamples - start)
        drawn = rng.integers(0, groups, (rows, groups)) + groups * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.float64)
