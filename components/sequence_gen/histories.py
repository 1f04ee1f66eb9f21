"""A bucket's interactions become users' events in order."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import polars as pl

from components.sequence_gen.splits import USER
from schemas import features as f
from schemas.hashing import stable_hash

NEVER: Final = np.iinfo(np.int64).max
_HASH = "user_hash"


def order(rows: pl.DataFrame, repeats: Literal["keep", "drop"] = "keep") -> tuple[pl.DataFrame, dict[str, int]]:
    """Brings events in order: users by their hash, a user's events by time, then by the true order or the tie.

    The order of the input has no say. Rows that are equal in every column, the tie included, are one row written
    twice, and collapse.

    Args:
        rows: plain interactions of whole users.
        repeats: drop keeps the first of a user's events with one item.
    Returns: the events with a column USER and without those that only ordered them; and what was dropped:
        `duplicates` and `repeats_dropped`.
    """
    ordering = [column for column in (f.TIMESTAMP, f.ORDER, f.TIE, f.ITEM_ID) if column in rows.columns]
    hashes = pl.Series(_HASH, stable_hash(_arrow(rows[f.USER_ID])), pl.UInt64)
    rows = rows.with_columns(hashes).sort(_HASH, f.USER_ID, *ordering)
    again = pl.all_horizontal(pl.all().eq_missing(pl.all().shift(1)))
    events = rows.filter(~again) if rows.height > 1 else rows
    new_user = (pl.col(f.USER_ID) != pl.col(f.USER_ID).shift(1)).fill_null(True)
    events = events.with_columns(new_user.cast(pl.Int64).cum_sum().alias(USER))
    events = events.drop([column for column in (_HASH, f.ORDER, f.TIE) if column in events.columns])
    dropped = {"duplicates": rows.height - events.height, "repeats_dropped": 0}
    if repeats == "drop":
        first = events.filter(occurrences(events)[0] < 0)
        dropped["repeats_dropped"] = events.height - first.height
        events = first
    return events, dropped


def occurrences(events: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Where the same user met the same item before, and where next.

    Args:
        events: columns USER and item_id; equal users side by side.
    Returns: [n] int64, number of the row before with this user and item, -1: none; [n] int64, the row after, NEVER:
        none.
    """
    previous, following = np.full(events.height, -1), np.full(events.height, NEVER)
    codes = _arrow(events[f.ITEM_ID]).dictionary_encode()
    pair = events[USER].to_numpy() * len(codes.dictionary) + codes.indices.to_numpy(zero_copy_only=False)
    by_pair = np.argsort(pair, kind="stable")
    same = pair[by_pair[1:]] == pair[by_pair[:-1]]
    earlier, later = by_pair[:-1][same], by_pair[1:][same]
    previous[later] = earlier
    following[earlier] = later
    return previous, following


def _arrow(column: pl.Series):
    return column.to_arrow(compat_level=pl.CompatLevel.oldest())
