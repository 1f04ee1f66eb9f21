"""Calibrated recommendations (Steck, RecSys 2018): the answer is spread over genres, say, as the user's past is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from ranker.rerank import Slate

SMOOTHING: Final = 0.01  # Steck's alpha: so much of the past is in the answer's spread, and the divergence is finite


def order(slate: Slate, k: int, strength: float) -> np.ndarray:
    """Takes, again and again, the item after which the list has the greatest

        (1 - strength) (mean relevance) - strength KL(past || list).

    Args:
        slate: of n items. Without a past, or without attributes, its order stays.
        k: how many.
        strength: in [0, 1].
    Returns: [min(k, n)] int64 positions; of equal ones the model's first.
    """
    n = len(slate.relevance)
    if not slate.history.any():
        return np.arange(min(k, n))
    shares = slate.shares()
    spread, relevance = np.zeros(slate.attributes.shape[1]), 0.0
    taken, made = np.zeros(n, bool), []
    for size in range(1, min(k, n) + 1):
        divergence = kullback_leibler(slate.history, (spread + shares) / size)
        values = (1 - strength) * (relevance + slate.relevance) / size - strength * divergence
        best = int(np.argmax(np.where(taken, -np.inf, values)))
        made.append(best)
        taken[best] = True
        spread, relevance = spread + shares[best], relevance + slate.relevance[best]
    return np.array(made, np.int64)


def kullback_leibler(past: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """KL(past || answered), natural logarithm, the second smoothed with the first as Steck does.

    Args:
        past: [m], sums to 1.
        answered: [..., m], each sums to 1, or to less where items have no attributes.
    Returns: [...], at least 0.
    """
    smooth = (1 - SMOOTHING) * answered + SMOOTHING * past
    there = past > 0
    return np.sum(past[there] * np.log(past[there] / smooth[..., there]), axis=-1)
