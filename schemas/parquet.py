"""Reads the Parquet files that stages leave for each other, in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

_BATCH: Final = 1 << 16  # rows; pyarrow's own default


def batches(
    source: Any, *, rows: int = _BATCH, columns: Sequence[str] | None = None, threads: bool = True
) -> Iterator[pa.RecordBatch]:
    """Reads a Parquet file, which may have no rows at all.

    Args:
        source: a path, an open file, or a pq.ParquetFile.
        rows: at most in a batch.
        columns: names to read; None: all.
        threads: whether pyarrow may read columns side by side.
    Yields: record batches in the file's order.
    Raises: pa.ArrowInvalid, OSError: the file can't be read.
    """
    file = source if isinstance(source, pq.ParquetFile) else pq.ParquetFile(source)
    if file.num_row_groups:  # pyarrow 18 fails on a file without any, such as Beam writes where there are no rows
        yield from file.iter_batches(
            batch_size=rows, columns=list(columns) if columns is not None else None, use_threads=threads
        )
