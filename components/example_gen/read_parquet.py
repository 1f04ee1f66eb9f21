"""A Parquet file in batches of Arrow columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.example_gen.batches import Batch, rejected_table
from components.example_gen.object_store import StoreError, open_bytes
from schemas import parquet
from schemas.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 1 << 18  # rows at a time


def schema(name: str) -> tuple[pa.Schema, int]:
    """Columns of a Parquet file, and its number of rows.

    Raises: DataError: it isn't Parquet.
    """
    with open_bytes(name) as handle:
        file = _parquet(name, handle)
        return file.schema_arrow, file.metadata.num_rows


def batches(name: str) -> Iterator[Batch]:
    """Reads a file's row groups, BATCH rows at a time.

    Raises: DataError: a part of the file can't be read; it says how many rows were.
    """
    row = 1
    with open_bytes(name) as handle:
        file = _parquet(name, handle)
        try:
            for part in parquet.batches(file, rows=BATCH):
                yield Batch(pa.Table.from_batches([part]), np.arange(row, row + len(part), dtype=np.int64), _NONE)
                row += len(part)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            raise DataError(
                f"the file can't be read past row {row - 1:,}.",
                where=name,
                why=str(error),
                next_step="see that the file is complete.",
            ) from error


def _parquet(name: str, handle) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(handle)
    except StoreError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            "the file isn't Parquet.",
            where=name,
            why=str(error),
            next_step="see that the file is complete; a CSV file must not end in .parquet.",
        ) from error


_NONE = rejected_table(np.empty(0, np.int64), pa.array([], pa.string()), pa.array([], pa.string()))
