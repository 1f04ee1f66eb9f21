"""k-core: users and items that have enough interactions with each other."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from schemas import features as f
from schemas.hashing import stable_hash


class Kept(NamedTuple):
    """Hashes of the users and items that stay, as columns of uint64."""

    users: pl.Series
    items: pl.Series


def _hashed(events: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    def hashed(name: str) -> pl.Series:
        return pl.Series(name, stable_hash(events[name].to_arrow(compat_level=pl.CompatLevel.oldest())), pl.UInt64)

    return hashed(f.USER_ID), hashed(f.ITEM_ID)


def pairs(events: pl.DataFrame) -> pl.DataFrame:
    """How often each user met each item.

    Args:
        events: columns user_id and item_id.
    Returns: user_id and item_id as uint64 hashes, n uint32; one row a pair.
    """
    return pl.DataFrame(_hashed(events)).group_by(f.USER_ID, f.ITEM_ID).agg(pl.len().cast(pl.UInt32).alias("n"))


def k_core(pairs: pl.DataFrame, users: int, items: int) -> Kept:
    """Drops users and items with too few interactions until all that are left have enough.

    Args:
        pairs: all pairs there are, as `pairs` makes them.
        users: interactions that a user needs.
        items: interactions that an item needs.
    Returns: who stays; empty where no core exists.
    """
    enough = pl.col("n").sum()
    before = -1
    while pairs.height != before:
        before = pairs.height
        pairs = pairs.filter(enough.over(f.ITEM_ID) >= items)
        pairs = pairs.filter(enough.over(f.USER_ID) >= users)
    return Kept(pairs[f.USER_ID].unique(), pairs[f.ITEM_ID].unique())


def keep(events: pl.DataFrame, kept: Kept) -> pl.DataFrame:
    """The events whose user and item both stay, in the order they had."""
    users, items = _hashed(events)
    return events.filter(users.is_in(kept.users.implode()) & items.is_in(kept.items.implode()))
