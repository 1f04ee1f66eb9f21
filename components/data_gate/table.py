"""The items or users table held against the log, by hashes of their ids."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems

from schemas import features as f
from schemas import parquet
from schemas.hashing import stable_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SHOWN: Final = 5  # ids of the log without a row, as examples
_SUMMED: Final = 1 << 22  # counts held before they are added up: 16 bytes each


@dataclasses.dataclass(frozen=True)
class Matched:
    """See schemas.records.TableSummary, which has the same names."""

    ids_in_log: int
    not_in_log: int
    missing: int
    missing_share: float
    missing_events: float
    missing_examples: list[str]
    empty: dict[str, float]
    early_events: float | None


def match(table: Sequence[str], log: Sequence[str], id_column: str) -> Matched:
    """Compares the ids of both; memory holds 16 bytes for each different id, and as many for each time of publication.

    Args:
        table: Parquet files of the table.
        log: Parquet files of the interactions.
        id_column: of both, schemas.features.ITEM_ID or USER_ID.
    """
    rows = np.concatenate([np.empty(0, np.uint64), *(stable_hash(ids) for ids in _ids(table, id_column))])
    events = _events(log, id_column)
    known = events["id"].is_in(pl.Series(rows, dtype=pl.UInt64).implode())
    missing = events.filter(~known)
    return Matched(
        ids_in_log=events.height,
        not_in_log=int((~pl.Series(rows, dtype=pl.UInt64).is_in(events["id"].implode())).sum()),
        missing=missing.height,
        missing_share=missing.height / max(events.height, 1),
        missing_events=int(missing["events"].sum()) / max(int(events["events"].sum()), 1),
        missing_examples=_named(log, id_column, missing["id"]),
        empty=_empty(table, id_column),
        early_events=_early(table, log, id_column),
    )


def _events(log: Sequence[str], id_column: str) -> pl.DataFrame:
    """How often the log has each id, by its hash."""
    parts = [pl.DataFrame(schema={"id": pl.UInt64, "events": pl.UInt32})]
    for ids in _ids(log, id_column):
        parts.append(pl.DataFrame({"id": stable_hash(ids)}).group_by("id").agg(pl.len().alias("events")))
        if sum(part.height for part in parts) > _SUMMED:
            parts = [_added(parts)]
    return _added(parts)


def _added(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts, how="vertical_relaxed").group_by("id").agg(pl.col("events").sum())


def _named(log: Sequence[str], id_column: str, missing: pl.Series) -> list[str]:
    """Some of the ids without a row, the first that the log has; reads no further than it must."""
    found: dict[str, None] = {}
    wanted = min(_SHOWN, len(missing))
    for ids in _ids(log, id_column) if wanted else ():
        without = pl.Series(stable_hash(ids), dtype=pl.UInt64).is_in(missing.implode())
        found.update(dict.fromkeys(pc.unique(ids.filter(without.to_arrow()))[:_SHOWN].to_pylist()))
        if len(found) >= wanted:
            break
    return list(found)[:_SHOWN]


def _empty(table: Sequence[str], id_column: str) -> dict[str, float]:
    rows, empty = 0, dict[str, int]()
    for batch in _batches(table, None):
        rows += len(batch)
        for name in (name for name in batch.schema.names if name != id_column):
            lengths = batch.column(batch.schema.get_field_index(name)).value_lengths().fill_null(0)
            empty[name] = empty.get(name, 0) + int(pc.sum(pc.equal(lengths, 0)).as_py() or 0)
    return {name: count / max(rows, 1) for name, count in empty.items()}


def _early(table: Sequence[str], log: Sequence[str], id_column: str) -> float | None:
    """Share of events that come before their item's publication."""
    published = _published(table, id_column)
    if published is None:
        return None
    events = early = 0
    for batch in _batches(log, [id_column, f.TIMESTAMP]):
        found = _plain(batch, id_column, f.TIMESTAMP).join(published, on="id", how="left")
        events += found.height
        early += found.select((pl.col(f.TIMESTAMP) < pl.col(f.PUBLISHED)).sum()).item()
    return early / max(events, 1)


def _published(table: Sequence[str], id_column: str) -> pl.DataFrame | None:
    """Hashes of items, and their times of publication; None: the table has no such column."""
    parts = []
    for batch in _batches(table, None):
        if f.PUBLISHED not in batch.schema.names:
            return None
        known = batch.filter(pc.greater(batch.column(batch.schema.get_field_index(f.PUBLISHED)).value_lengths(), 0))
        parts.append(_plain(known, id_column, f.PUBLISHED))
    return pl.concat(parts) if parts else None


def _plain(batch: pa.RecordBatch, id_column: str, times: str) -> pl.DataFrame:
    """Hashes of a batch's ids, and its times, of which each row has one."""
    ids, moments = (batch.column(batch.schema.get_field_index(name)).flatten() for name in (id_column, times))
    return pl.DataFrame({"id": pl.Series(stable_hash(ids), dtype=pl.UInt64), times: pl.Series(moments, dtype=pl.Int64)})


def _ids(paths: Sequence[str], id_column: str) -> Iterator[pa.Array]:
    for batch in _batches(paths, [id_column]):
        yield batch.column(0).flatten()


def _batches(paths: Sequence[str], columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    for path in paths:
        with FileSystems.open(path) as handle:
            yield from parquet.batches(handle, columns=columns)
