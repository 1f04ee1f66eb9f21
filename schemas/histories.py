"""A bucket's interactions become users' events in order."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import polars as pl

from schemas import features as f
from schemas.hashing import stable_hash

USER: Final = "user"  # int64: number of the row's user, ascending
NEVER: Final = np.iinfo(np.int64).max
TIED: Final = "tied"
_HASH: Final = "user_hash"
_OF: Final = "/"  # between a user's id and the number of a session
_MINUTE: Final = 60_000  # ms


def order(
    rows: pl.DataFrame, repeats: Literal["keep", "drop"] = "keep", session_gap: float | None = None
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Brings events in order: users by their hash, a user's events by time, then by the true order or the tie.

    The order of the input has no say. Rows that are equal in every column, the tie included, are one row written
    twice, and collapse; of one that two spans have, the older's stays. Then a user's events are cut into sessions, and
    then, of each session, repeats are dropped.

    Args:
        rows: plain interactions of whole users.
        repeats: drop keeps the first of a user's events with one item.
        session_gap: minutes; an event that comes later than this after the one before it begins a session, which is a
            user from here on; its user_id is "<user>/<n>". One that comes exactly so late does not. None: no sessions.
    Returns: the events with a column USER, a column TIED (int64, 1 where nothing but the tie put an event after the
        one before) and without those that only ordered them; and what was dropped: `duplicates` and `repeats_dropped`.
    """
    named = (f.TIMESTAMP, f.ORDER, f.TIE, f.ITEM_ID, f.SPAN)
    ordering = [column for column in named if column in rows.columns]
    hashes = pl.Series(_HASH, stable_hash(_arrow(rows[f.USER_ID])), pl.UInt64)
    rows = rows.with_columns(hashes).sort(_HASH, f.USER_ID, *ordering)
    what = pl.exclude(f.SPAN)
    again = pl.all_horizontal(what.eq_missing(what.shift(1)))
    events = _numbered(rows.filter(~again) if rows.height > 1 else rows, session_gap)
    events = events.drop([column for column in (_HASH, f.ORDER, f.TIE) if column in events.columns])
    dropped = {"duplicates": rows.height - events.height, "repeats_dropped": 0}
    if repeats == "drop":
        first = events.filter(occurrences(events)[0] == np.arange(events.height))
        dropped["repeats_dropped"] = events.height - first.height
        events = first
    return events.with_columns(_tied(f.ORDER in rows.columns)), dropped


def _tied(ordered: bool) -> pl.Expr:
    """TIED, of users' events in order; `ordered`: their true order was known."""
    alike = pl.all_horizontal(pl.col(column) == pl.col(column).shift(1) for column in (USER, f.TIMESTAMP))
    return (pl.lit(not ordered) & alike.fill_null(False)).cast(pl.Int64).alias(TIED)


def _numbered(events: pl.DataFrame, session_gap: float | None) -> pl.DataFrame:
    """Adds USER; with sessions, each is one, and says so in user_id."""
    new_user = (pl.col(f.USER_ID) != pl.col(f.USER_ID).shift(1)).fill_null(True)
    if session_gap is None:
        return events.with_columns(new_user.cast(pl.Int64).cum_sum().alias(USER))
    late = (pl.col(f.TIMESTAMP).diff() > session_gap * _MINUTE).fill_null(True)
    events = events.with_columns((new_user | late).cast(pl.Int64).cum_sum().alias(USER))
    number = pl.col(USER) - pl.when(new_user).then(pl.col(USER)).forward_fill() + 1
    return events.with_columns(pl.concat_str(pl.col(f.USER_ID), pl.lit(_OF), number).alias(f.USER_ID))


def person(session: pl.Expr) -> pl.Expr:
    """The user_id that a session's was made of."""
    return session.str.replace(rf"{_OF}\d+$", "")


def occurrences(events: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Where the same user meets the same item first, and where next.

    Args:
        events: columns USER and item_id; equal users side by side.
    Returns: [n] int64, the first row with this row's user and item; [n] int64, the row after it, NEVER: none.
    """
    first, following = np.arange(events.height), np.full(events.height, NEVER)
    codes = _arrow(events[f.ITEM_ID]).dictionary_encode()
    pair = events[USER].to_numpy() * len(codes.dictionary) + codes.indices.to_numpy(zero_copy_only=False)
    by_pair = np.argsort(pair, kind="stable")
    same = pair[by_pair[1:]] == pair[by_pair[:-1]]
    following[by_pair[:-1][same]] = by_pair[1:][same]
    begins = np.maximum.accumulate(np.where(np.append(True, ~same)[: len(pair)], np.arange(len(pair)), 0))
    first[by_pair] = by_pair[begins]
    return first, following


def _arrow(column: pl.Series):
    return column.to_arrow(compat_level=pl.CompatLevel.oldest())
