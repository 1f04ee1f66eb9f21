"""Interactions go to buckets by their user: whole batches in, compressed Arrow pieces out.

A bucket is a range of the user's hash, so buckets in order hold users in order of their hash, however many there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas import features as f
from schemas.hashing import stable_hash

BUCKET_ROWS: Final = 250_000  # interactions that a bucket should stay below, so that some dozens of MB hold it
_IPC: Final = pa.ipc.IpcWriteOptions(compression="zstd")


def number_of_buckets(rows: int) -> int:
    """How many buckets keep each near BUCKET_ROWS; one user's events are never parted, whatever their number."""
    return max(1, math.ceil(rows / BUCKET_ROWS))


def flatten(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Takes the lists of one value off.

    Args:
        batch: columns of lists with one value, or none where an optional value is missing.
    Returns: the same columns, plain; a missing value is null.
    """
    return pa.RecordBatch.from_arrays([_flat(column) for column in batch.columns], names=batch.schema.names)


def _flat(column: pa.Array) -> pa.Array:
    values = column.flatten()
    if len(values) == len(column):
        return values
    first = pl.Series("", column).list.first()
    return first.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(column.type.value_type)


def split(batch: pa.RecordBatch, buckets: int) -> Iterator[tuple[int, bytes]]:
    """Shares a batch out.

    Args:
        batch: plain interactions; a column user_id.
        buckets: how many there are.
    Yields: number of a bucket, and its rows as `unpack` reads them. Buckets without rows are left out.
    """
    hashes = stable_hash(batch.column(batch.schema.get_field_index(f.USER_ID)))
    order = np.argsort(hashes, kind="stable")
    table = pa.Table.from_batches([batch]).take(pa.array(order))
    edges = np.searchsorted(_bucket(hashes[order], buckets), np.arange(buckets + 1))
    for bucket in np.flatnonzero(np.diff(edges)):
        yield int(bucket), pack(table.slice(edges[bucket], edges[bucket + 1] - edges[bucket]))


def _bucket(hashes: np.ndarray, buckets: int) -> np.ndarray:
    """Number of the range of the hash: [n] uint64 in, [n] int64 in [0, buckets) out, ascending with the hash."""
    return (((hashes >> np.uint64(32)) * np.uint64(buckets)) >> np.uint64(32)).astype(np.int64)


def pack(table: pa.Table) -> bytes:
    """A table as compressed bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_IPC) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def unpack(pieces: Iterable[bytes]) -> pl.DataFrame | None:
    """The rows of all pieces, one after another; None where there is no piece."""
    tables = [pa.ipc.open_stream(piece).read_all() for piece in pieces]
    return pl.DataFrame(pa.concat_tables(tables)) if tables else None
