"""How recommendations spread over the catalogue."""

from __future__ import annotations

import dataclasses

import numpy as np

from ranker.metrics import gini as gini

DECILES = 10


@dataclasses.dataclass(frozen=True)
class Spread:
    """Shares by tenths of the catalogue, the most popular first; the last entry: items that training never saw."""

    items: np.ndarray
    training: np.ndarray
    shown: np.ndarray
    labels: np.ndarray


def spread(training: dict[str, int], shown: dict[str, int], labels: dict[str, int]) -> Spread:
    """Compares what was trained on, what is shown and what came next.

    Args:
        training: events by item, the most frequent first.
        shown, labels: how often each item is recommended, and came next.
    Returns: [DECILES + 1] each; shares add up to 1, or are 0 where there is nothing.
    """
    number = {item: place for place, item in enumerate(training)}
    of_place = np.arange(len(number)) * DECILES // max(len(number), 1)

    def shares(counts: dict[str, int]) -> np.ndarray:
        places = np.array([of_place[number[item]] if item in number else DECILES for item in counts], np.int64)
        sums = np.bincount(places, np.array(list(counts.values()), np.float64), DECILES + 1)
        return sums / max(sums.sum(), 1.0)

    sizes = np.bincount(of_place, minlength=DECILES + 1)
    return Spread(sizes, shares(training), shares(shown), shares(labels))


def lorenz(counts: np.ndarray, points: int = 101) -> tuple[np.ndarray, np.ndarray]:
    """Lorenz curve: which share of all exposure the least exposed share of items has.

    Args:
        counts: [items], items without exposure among them.
        points: at most so many are returned.
    Returns: shares of items and of exposure, both from 0 to 1.
    """
    ordered = np.concatenate([[0.0], np.cumsum(np.sort(counts.astype(np.float64)))])
    at = np.unique(np.linspace(0, len(counts), min(points, len(counts) + 1)).astype(np.int64))
    return at / max(len(counts), 1), ordered[at] / max(ordered[-1], 1.0)
