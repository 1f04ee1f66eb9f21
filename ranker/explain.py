"""Which items of the history an answer is owed to, by occlusion: what its score is without each of them.

Zeiler and Fergus (ECCV 2014) cover parts of a picture; here each event in turn is left out of the history, as if it had
never been, and the exported model is asked again. It needs no gradients, works for every architecture and head, and
says what the model does, not what it would do nearby.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ranker.saved import SavedRanker

NEWEST: Final = 50  # events that are left out in turn; those of before stay in, and are no reasons


def occlusion(
    ranker: SavedRanker,
    items: Sequence[str],
    timestamps: Sequence[int],
    candidates: Sequence[str],
    user_id: str = "",
    newest: int = NEWEST,
) -> np.ndarray:
    """What each event of a history adds to the scores of some items; one call of the model, of newest + 1 rows.

    Args:
        ranker: the exported model.
        items: ids, oldest first.
        timestamps: beside them, milliseconds, 0: unknown.
        candidates: [c] items whose scores are explained.
        user_id: "": unknown.
        newest: events that are left out in turn, at least 1.
    Returns: [c, n] float32: the score less the score without event n, in the unit of the head; 0 for events before the
        newest; NaN for candidates that the model doesn't know.
    """
    first = max(len(items) - newest, 0)
    weights = np.zeros((len(candidates), len(items)), np.float32)
    if not items or not candidates:
        return weights
    without = [[*range(at), *range(at + 1, len(items))] for at in range(first, len(items))]
    rows = [list(range(len(items))), *without]
    scores = ranker.score(
        [[items[at] for at in row] for row in rows],
        [list(candidates)] * len(rows),
        [[timestamps[at] for at in row] for row in rows],
        [user_id] * len(rows),
    )
    weights[:, first:] = (scores[0] - scores[1:]).T
    return weights


def strongest(items: Sequence[str], weights: np.ndarray, most: int) -> list[tuple[str, float]]:
    """The items of a history that speak for an answer, the strongest first, each once with all its events.

    Args:
        items: [n] ids.
        weights: [n], of one candidate.
        most: items at most.
    Returns: (item, sum of its weights), those above 0 alone.
    """
    sums: dict[str, float] = {}
    for item, weight in zip(items, weights.tolist(), strict=True):
        sums[item] = sums.get(item, 0.0) + weight
    found = [(item, weight) for item, weight in sums.items() if weight > 0]
    return sorted(found, key=lambda pair: -pair[1])[:most]
