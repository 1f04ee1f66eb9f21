"""How often training saw each item: the one global count that everything after rests on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl
import pyarrow as pa

from components.sequence_gen.splits import SPLIT
from schemas import features as f
from schemas import records

COUNT: Final = "count"


def of_training(events: pl.DataFrame) -> pl.DataFrame:
    """Counts of the training split's items alone.

    Args:
        events: columns item_id and SPLIT.
    Returns: item_id and count, in no order.
    """
    training = events.filter(pl.col(SPLIT) == f.TRAIN)
    return training.group_by(f.ITEM_ID).agg(pl.len().cast(pl.Int64).alias(COUNT))


def add_up(counts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The sum of several counts, most frequent first, equal ones in order of the item id's bytes."""
    empty = pl.DataFrame(schema={f.ITEM_ID: pl.String, COUNT: pl.Int64})
    total = pl.concat([empty, *counts]).group_by(f.ITEM_ID).agg(pl.col(COUNT).sum())
    return total.sort(COUNT, f.ITEM_ID, descending=[True, False])


def popularity(counts: pl.DataFrame) -> pl.DataFrame:
    """The slice of each item: head, middle and tail each hold about a third of training's interactions.

    An item belongs where the interactions of all more popular ones end, so the head is never empty.

    Args:
        counts: item_id and count, most frequent first.
    Returns: item_id and label_popularity.
    """
    head, middle, tail, _ = f.POPULARITY_BUCKETS
    before = (pl.col(COUNT).cum_sum() - pl.col(COUNT)) * 3
    total = pl.col(COUNT).sum()
    slices = (
        pl.when(before < total).then(pl.lit(head)).when(before < 2 * total).then(pl.lit(middle)).otherwise(pl.lit(tail))
    )
    return counts.select(f.ITEM_ID, slices.alias(f.LABEL_POPULARITY))


def to_table(counts: pl.DataFrame) -> pa.Table:
    """The counts in the types of schemas.records.ITEM_COUNTS."""
    return counts.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(records.ITEM_COUNTS)
