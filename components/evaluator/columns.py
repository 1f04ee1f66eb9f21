"""Columns of serialised sequences, as schemas.records.from_examples reads them: each a list a row, some absent."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa


def lengths(read: pa.RecordBatch, name: str) -> np.ndarray:
    """Length of each row's list, 0 where it is empty or absent: [n] int64."""
    if name not in read.schema.names:
        return np.zeros(len(read), np.int64)
    return _column(read, name).value_lengths().fill_null(0).to_numpy(zero_copy_only=False)


def one(read: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array:
    """The first value of each row, as `kind`; null where a row has none."""
    if name not in read.schema.names:
        return pa.nulls(len(read), kind)
    counts = lengths(read, name)
    first = pa.array(np.cumsum(counts) - counts, mask=counts == 0)
    return _column(read, name).flatten().take(first).cast(kind)


def text(read: pa.RecordBatch, name: str) -> pa.Array:
    """The one value of each row, as a string; null where a row has none."""
    return one(read, name, pa.large_binary()).cast(pa.large_string()).cast(pa.string())


def values(read: pa.RecordBatch, name: str) -> tuple[np.ndarray, pl.Series]:
    """Every text of a column: the row of each, [m] int64, and the texts, [m] str."""
    if name not in read.schema.names or not lengths(read, name).any():
        return np.empty(0, np.int64), pl.Series(dtype=pl.String)
    rows = np.repeat(np.arange(len(read)), lengths(read, name))
    return rows, pl.Series(pl.from_arrow(_column(read, name).flatten())).cast(pl.Binary).cast(pl.String)


def numbers(read: pa.RecordBatch, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Every number of a column: the row of each, [m] int64, and the numbers, [m] float64."""
    if name not in read.schema.names or not lengths(read, name).any():
        return np.empty(0, np.int64), np.empty(0)
    rows = np.repeat(np.arange(len(read)), lengths(read, name))
    return rows, _column(read, name).flatten().cast(pa.float64()).to_numpy(zero_copy_only=False)


def _column(read: pa.RecordBatch, name: str) -> pa.Array:
    return read.column(read.schema.get_field_index(name))
