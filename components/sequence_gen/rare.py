"""Items that too few users met to be shown: they leave the training split, so that nothing after it knows of them.

k-anonymity (Sweeney, 2002) of the catalogue: an item that one or two people met would, as a recommendation, tell others
of them. Who met it is counted in training alone. In validation and test such an item is one that training never saw.
"""

from __future__ import annotations

import polars as pl

from components.sequence_gen import counts
from components.sequence_gen.splits import SPLIT
from schemas import features as f
from schemas.histories import person


def users_of(events: pl.DataFrame, sessions: bool) -> pl.DataFrame:
    """How many users met each item in training.

    Args:
        events: of a bucket, columns user_id, item_id and SPLIT; all of a user's are in it.
        sessions: whether each user_id is a session, <user>/<n>.
    Returns: item_id and counts.COUNT.
    """
    who = person(pl.col(f.USER_ID)) if sessions else pl.col(f.USER_ID)
    training = events.filter(pl.col(SPLIT) == f.TRAIN)
    return training.group_by(f.ITEM_ID).agg(who.n_unique().cast(pl.Int64).alias(counts.COUNT))


def rare(users: pl.DataFrame, least: int) -> pl.DataFrame:
    """The items with fewer users than that: column item_id."""
    return users.filter(pl.col(counts.COUNT) < least).select(f.ITEM_ID)


def without(events: pl.DataFrame, held_back: pl.DataFrame) -> pl.DataFrame:
    """The events but training's of items that are held back, in the order they had."""
    is_rare = pl.col(f.ITEM_ID).is_in(held_back[f.ITEM_ID].implode())
    return events.filter((pl.col(SPLIT) != f.TRAIN) | ~is_rare)
