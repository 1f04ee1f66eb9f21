"""A determinantal point process: the set whose items are relevant and point in different directions.

The greedy search for its mode with a Cholesky factor that grows by a row an item is Chen, Zhang and Zhou's (NeurIPS
2018), as is the trade between relevance and diversity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from ranker.rerank import Slate

_RIDGE: Final = 0.01  # two items of the same attributes are not quite the same
_LEAST: Final = 1e-10


def order(slate: Slate, k: int, strength: float) -> np.ndarray:
    """Takes, again and again, the item that adds most to log det L, L_ij = q_i S_ij q_j.

    S is the similarity, a little ridge added, and q_i = exp(a relevance_i) with a = (1 - strength) / (2 strength): then
    log det L of a set is 2 a (sum of relevance) + log det S. Strength 0 makes a infinite: the model's own order.

    Args:
        slate: of n items.
        k: how many.
        strength: in [0, 1].
    Returns: [min(k, n)] int64 positions. Once nothing adds any more, the rest follows in the model's order.
    """
    n = len(slate.relevance)
    if strength == 0:
        return np.arange(min(k, n))
    similarity = (slate.similarity() + _RIDGE * np.eye(n)) / (1 + _RIDGE)
    gain = (1 - strength) / strength * slate.relevance  # 2 a relevance: the square of q, as a logarithm
    left = np.ones(n)  # the square of each item's own direction, given those taken
    factors = np.zeros((0, n))
    made: list[int] = []
    for _ in range(min(k, n)):
        values = np.where(left > _LEAST, gain + np.log(np.maximum(left, _LEAST)), -np.inf)
        values[made] = -np.inf
        best = int(np.argmax(values))
        if values[best] == -np.inf:
            break
        row = (similarity[best] - factors[:, best] @ factors) / np.sqrt(left[best])
        left = left - row**2
        factors = np.vstack([factors, row])
        made.append(best)
    rest = [each for each in range(n) if each not in set(made)]
    return np.array((made + rest)[: min(k, n)], np.int64)
