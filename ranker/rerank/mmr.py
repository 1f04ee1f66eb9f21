"""Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ranker.rerank import Slate


def order(slate: Slate, k: int, strength: float) -> np.ndarray:
    """Takes, again and again, the item with the greatest

        (1 - strength) relevance - strength (greatest similarity to those already taken).

    Args:
        slate: of n items.
        k: how many.
        strength: in [0, 1].
    Returns: [min(k, n)] int64 positions; of equal ones the model's first.
    """
    similarity, n = slate.similarity(), len(slate.relevance)
    nearest, taken = np.zeros(n), np.zeros(n, bool)
    made = []
    for _ in range(min(k, n)):
        values = (1 - strength) * slate.relevance - strength * nearest
        best = int(np.argmax(np.where(taken, -np.inf, values)))
        made.append(best)
        taken[best] = True
        nearest = np.maximum(nearest, similarity[best])
    return np.array(made, np.int64)
