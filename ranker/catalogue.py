"""What a model must know of the data it is trained on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from schemas.errors import ModelError
from schemas.features import FIRST_ITEM

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """The items a model can recommend, and the knobs of earlier stages that it must agree with.

    Args:
        items: [n] str, in the vocabulary's order: items[i] has the id FIRST_ITEM + i.
        counts: [n] int64, interactions of each item in the training split, at least 1, in the same order.
        users: size of the user vocabulary; 0: users have no ids.
        gaps: number of values that `history_gap` can take; 0: there is none.
        window: most events that a history holds.
        mask_seen: items of the past are no candidates.
    Raises: ModelError: no items, or not one count an item.
    """

    items: np.ndarray
    counts: np.ndarray
    users: int
    gaps: int
    window: int
    mask_seen: bool

    def __post_init__(self) -> None:
        if not len(self.items):
            raise ModelError(
                "The item vocabulary is empty, so there is nothing to recommend.",
                next_step="Lower transform.min_frequency, or train on more interactions.",
            )
        if len(self.items) != len(self.counts) or np.min(self.counts) < 1:
            raise ModelError(
                "The item vocabulary and the item counts disagree.",
                why=f"{len(self.items)} items, {len(self.counts)} counts, the smallest {np.min(self.counts)}.",
            )

    @property
    def size(self) -> int:
        """Number of item ids, padding and unknown included."""
        return len(self.items) + FIRST_ITEM


def counts_in_order(
    items: Sequence[str] | np.ndarray, counted: Sequence[str] | np.ndarray, counts: Sequence[int] | np.ndarray
) -> np.ndarray:
    """The counts of a table, put into the vocabulary's order.

    Args:
        items: [n] the vocabulary.
        counted: [m] item ids of the table, each once, the vocabulary's among them.
        counts: [m] beside them.
    Returns: [n] int64.
    Raises: ModelError: an item of the vocabulary isn't in the table.
    """
    names = np.asarray(counted, dtype=object).astype(str)
    wanted = np.asarray(items, dtype=object).astype(str)
    order = np.argsort(names)
    at = np.searchsorted(names, wanted, sorter=order)
    found = order[np.minimum(at, max(len(order) - 1, 0))] if len(order) else np.zeros(len(wanted), np.int64)
    if len(wanted) and (not len(order) or np.any(names[found] != wanted)):
        missing = wanted[0] if not len(order) else wanted[names[found] != wanted][0]
        raise ModelError(f"Item {missing!r} of the vocabulary has no training count.")
    return np.asarray(counts, np.int64)[found]
