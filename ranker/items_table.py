"""The items table: read from its artifact, and written beside the model, for whoever shows answers to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas import features as f
from schemas import parquet
from schemas.models import EXPORTED_ITEMS as EXPORTED

if TYPE_CHECKING:
    from collections.abc import Sequence


def read(files: Sequence[str]) -> pl.DataFrame:
    """The table, an item a row; of several rows of one item the first.

    Args:
        files: Parquet files, local or ones that fsspec can open; at least one.
    Returns: columns as schemas.features lists them, each a list; no rows where the files have none.
    """
    parts = []
    for name in files:
        with fsspec.open(name, "rb") as file:
            source = pq.ParquetFile(file)
            parts.append(pa.Table.from_batches(parquet.batches(source), source.schema_arrow))
    frame = pl.from_arrow(pa.concat_tables(parts))
    assert isinstance(frame, pl.DataFrame)  # of a table
    item = pl.col(f.ITEM_ID).list.first()
    return frame.filter(item.is_not_null() & item.is_first_distinct())


def write(table: pl.DataFrame, folder: str) -> None:
    """Writes the table into a SavedModel's folder.

    Plain columns item_id, title, published and numbers; a list of strings where a column holds categories or words.

    Args:
        table: as `read` gives it.
        folder: local or one that fsspec can write.
    """
    plain = [name for name, kind in table.schema.items() if not _several(name, kind)]
    frame = table.with_columns(pl.col(plain).list.first())
    with fsspec.open(f"{folder.rstrip('/')}/{EXPORTED}", "wb", auto_mkdir=True) as file:
        frame.write_parquet(file)


def _several(name: str, kind: pl.DataType) -> bool:
    return name.startswith(f.FEATURE_PREFIX) and kind == pl.List(pl.String)
