"""Counts over the interactions, in bounded memory: users, items, and labels that repeat an item of the past."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from schemas import features as f
from schemas import parquet
from schemas.hashing import stable_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROWS_HELD = 5_000_000  # at most about so many are kept, 32 bytes each
_MINUTE = 60_000  # ms
_SEED = 0x5EED  # of its own, so that the sample is none of SequenceGen's buckets


@dataclasses.dataclass(frozen=True)
class Counts:
    """See schemas.records.DataSummary, which has the same names."""

    first_time: int | None
    last_time: int | None
    sampled_users: float
    users: int
    users_with_one_event: int
    sessions: int | None
    items: int
    duplicates: int
    labels: int
    repeated_labels: int


def count(paths: Sequence[str], rows_held: int = ROWS_HELD, session_gap: float | None = None) -> Counts:
    """Counts over the Parquet files of one split.

    With n events of a user, d of them of distinct items, n - 1 are labels and n - d of those repeat an item of their
    past, whatever the order. With sessions the same holds of each session. Where rows are many, only users whose hash
    is a multiple of a power of two are looked at, and the first one, so that there is always one.

    Args:
        paths: Parquet files as InteractionExampleGen writes them.
        rows_held: how many rows may be kept, about.
        session_gap: minutes; an event that comes later than this after the one before it begins a session. None: a
            user's events are one.
    Returns: exact counts, or those of the sample, scaled, where sampled_users < 1 (items: of the sample, unscaled).
    """
    rows = sum(_rows(path) for path in paths)
    keep_one_in = 1 << max(0, int(np.ceil(np.log2(max(rows, 1) / rows_held))))
    parts, times = [], []
    first_user = None
    for table in _tables(paths):
        time = table["time"].to_numpy()
        times.append((int(time.min()), int(time.max())))
        first_user = table["user"][0] if first_user is None else first_user
        parts.append(table.filter((pl.col("user") % keep_one_in == 0) | (pl.col("user") == first_user)))
    if not parts:
        return Counts(None, None, 1.0, 0, 0, None if session_gap is None else 0, 0, 0, 0, 0)
    return _counts(pl.concat(parts), keep_one_in, min(t[0] for t in times), max(t[1] for t in times), session_gap)


def _counts(table: pl.DataFrame, one_in: int, first: int, last: int, session_gap: float | None) -> Counts:
    events = table.unique()
    per_user = events.group_by("user").len()["len"]
    sequences = len(per_user)
    if session_gap is not None:
        events = _of_sessions(events, session_gap)
        sequences = events["user"].n_unique()
    pairs = events.select("user", "item").unique().height
    return Counts(
        first_time=first,
        last_time=last,
        sampled_users=1 / one_in,
        users=len(per_user) * one_in,
        users_with_one_event=int((per_user == 1).sum()) * one_in,
        sessions=None if session_gap is None else sequences * one_in,
        items=events["item"].n_unique(),
        duplicates=(table.height - events.height) * one_in,
        labels=(events.height - sequences) * one_in,
        repeated_labels=(events.height - pairs) * one_in,
    )


def _of_sessions(events: pl.DataFrame, session_gap: float) -> pl.DataFrame:
    """The events, each session a user of its own, as SequenceGen cuts them."""
    user, time = pl.col("user"), pl.col("time")
    begins = (user != user.shift(1)) | (time.diff() > session_gap * _MINUTE)
    return events.sort("user", "time").with_columns(begins.fill_null(True).cum_sum().alias("user"))


def _rows(path: str) -> int:
    with FileSystems.open(path) as handle:
        return pq.ParquetFile(handle).metadata.num_rows


def _tables(paths: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Row groups that have rows, as hashes of user and item, time and tie."""
    names = [f.USER_ID, f.ITEM_ID, f.TIMESTAMP, f.TIE]
    for path in paths:
        with FileSystems.open(path) as handle:
            for batch in parquet.batches(handle, columns=names):
                if len(batch):
                    yield _hashed(pa.Table.from_batches([batch]))


def _hashed(table: pa.Table) -> pl.DataFrame:
    user, item, time, tie = (
        table.column(name).combine_chunks().flatten() for name in (f.USER_ID, f.ITEM_ID, f.TIMESTAMP, f.TIE)
    )
    return pl.DataFrame(
        {
            "user": stable_hash(user, _SEED),
            "item": stable_hash(item, _SEED),
            "time": time.to_numpy(),
            "tie": tie.to_numpy(),
        }
    )
