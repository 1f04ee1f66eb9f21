"""What a model must know of the data it is trained on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from schemas.errors import ModelError
from schemas.features import FIRST_ITEM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ranker.ratings import Ratings

_NONE = np.empty(0, str)


@dataclasses.dataclass(frozen=True)
class Categories:
    """A column of categories or words, for every candidate.

    Args:
        ids: [n + c, V] int32, padded on the right with 0; 1: a value that no item of the vocabulary has.
        size: number of ids, 0 and 1 included.
        values: [size - FIRST_ITEM] str, of the ids from FIRST_ITEM on; empty: not known.
    """

    ids: np.ndarray
    size: int
    values: np.ndarray = dataclasses.field(default_factory=lambda: _NONE)


@dataclasses.dataclass(frozen=True)
class ItemFeatures:
    """What the items table says of every candidate: the vocabulary's n items in its order, then c cold ones.

    Args:
        cold: [c] str, in order of their bytes: items of the table without an id of their own. cold[j] has the id
            FIRST_ITEM + n + j.
        categories: by column.
        numbers: by column, [n + c] float32: mean 0 and deviation 1 over the vocabulary's items, NaN: unknown.
        published: [n + c] int64, milliseconds since 1970; 0: unknown. None: the table has no such column.
    """

    cold: np.ndarray
    categories: Mapping[str, Categories]
    numbers: Mapping[str, np.ndarray]
    published: np.ndarray | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is said of any item: a table of titles alone, which are for people."""
        return not self.categories and not self.numbers and self.published is None


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
        contexts: by context column, number of ids that `history_context_<name>` can take, padding and unknown included.
        user_features: by column of the users table, number of ids of `user_feature_<name>`, likewise.
        features: of items; None: there is no items table.
        vocabularies: strings of the ids from FIRST_ITEM on, by the transformed feature that holds them (USER,
            history_context_<name>, user_feature_<name>); what isn't there isn't known.
        factors: [n, r] float32, ranker.long_term's; None: the model doesn't look at users' long term.
        ratings: of the training split; None: not known, and not needed unless the model's head is one of ratings.
    Raises: ModelError: no items, or not one count an item.
    """

    items: np.ndarray
    counts: np.ndarray
    users: int
    gaps: int
    window: int
    mask_seen: bool
    contexts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    user_features: Mapping[str, int] = dataclasses.field(default_factory=dict)
    features: ItemFeatures | None = None
    vocabularies: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    factors: np.ndarray | None = None
    ratings: Ratings | None = None

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
        """Number of ids that have an embedding of their own, padding and unknown included."""
        return len(self.items) + FIRST_ITEM

    @property
    def cold(self) -> np.ndarray:
        """[c] str: candidates that training never saw, known by their features alone; cold[j] has the id size + j."""
        return _NONE if self.features is None else self.features.cold

    @property
    def candidates(self) -> np.ndarray:
        """[n + c] str: everything that can be recommended; candidates[i] has the id FIRST_ITEM + i."""
        return np.concatenate([self.items, self.cold]) if len(self.cold) else self.items


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
    table = pl.DataFrame({"item": pl.Series(list(counted), dtype=pl.String), "count": np.asarray(counts, np.int64)})
    wanted = pl.DataFrame({"item": pl.Series(list(items), dtype=pl.String)})
    found = wanted.join(table, on="item", how="left", maintain_order="left")
    missing = found.filter(pl.col("count").is_null())
    if missing.height:
        raise ModelError(f"Item {missing['item'][0]!r} of the vocabulary has no training count.")
    return found["count"].to_numpy()
