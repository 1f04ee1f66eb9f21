"""How far two runs' items differ, as TFDV measures drift of categories: by the largest difference of a share."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

POPULAR: Final = 100


@dataclasses.dataclass(frozen=True)
class Drift:
    """From one run's training items to another's.

    Args:
        distance: L-infinity: the largest difference of an item's share of training events, in [0, 1].
        item, before, after: the item it is of, and its shares.
        new, gone: items that only one of both has.
        popular: how many items are compared as the popular ones; common: how many of them both have.
    """

    distance: float
    item: str
    before: float
    after: float
    new: int
    gone: int
    popular: int
    common: int


def between(before: pl.DataFrame, after: pl.DataFrame) -> Drift | None:
    """Compares item counts, the most frequent first.

    Args:
        before, after: columns item_id and count.
    Returns: None where either is empty.
    """
    import polars as pl

    if before.is_empty() or after.is_empty():
        return None
    both = before.join(after, on="item_id", how="full", suffix="_after", coalesce=True).sort("item_id")
    shares = [both[name].fill_null(0).to_numpy() / frame["count"].sum() for name, frame in
              (("count", before), ("count_after", after))]  # fmt: skip
    difference = abs(shares[1] - shares[0])
    at = int(difference.argmax())
    popular = min(POPULAR, before.height, after.height)
    first, second = (set(frame["item_id"].head(popular).to_list()) for frame in (before, after))
    return Drift(
        distance=float(difference[at]),
        item=str(both["item_id"][at]),
        before=float(shares[0][at]),
        after=float(shares[1][at]),
        new=both.select(pl.col("count").is_null().sum()).item(),
        gone=both.select(pl.col("count_after").is_null().sum()).item(),
        popular=popular,
        common=len(first & second),
    )
