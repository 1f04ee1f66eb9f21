"""The rows that inference leaves, schemas.records.PER_USER, read back for intervals and for the blessing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from tfx.dsl.io import fileio

from schemas import features, records

if TYPE_CHECKING:
    from collections.abc import Iterator

SPLIT, GROUPS = "split", "user_groups"
SLICES = (features.HISTORY_LENGTH, features.LABEL_POPULARITY, features.LABEL_REPEATS)
OVERALL = "overall"
CANDIDATE, POPULARITY, BASELINE, RECENT = "candidate", "popularity", "baseline", "recent"
RANK_COLUMNS = {CANDIDATE: "rank", POPULARITY: "popularity_rank", BASELINE: "baseline_rank", RECENT: "recent_rank"}


def read(folder: str) -> pl.DataFrame:
    """Rows without their recommended items, in an order that doesn't depend on how Beam wrote them.

    Args:
        folder: of the Parquet files.
    Returns: the columns of schemas.records.PER_USER but its lists, sorted by split, user, time, label and ranks.
    """
    columns = [name for name in records.PER_USER.names if name not in ("top_items", GROUPS)]
    parts = [read_parquet(path, columns) for path in sorted(fileio.glob(f"{folder}/*.parquet"))]
    return pl.concat(parts).sort([SPLIT, "user_id", "label_timestamp", "label", *RANK_COLUMNS.values()])


def read_item_counts(path: str) -> pl.DataFrame:
    """schemas.records.ITEM_COUNTS, in the file's order: most frequent first."""
    return read_parquet(path, list(records.ITEM_COUNTS.names))


def users(rows: pl.DataFrame) -> np.ndarray:
    """A number for each row's user, by the order of the ids: [n] int64."""
    return rows["user_id"].rank("dense").cast(pl.Int64).to_numpy() - 1


def ranks(rows: pl.DataFrame, model: str) -> np.ndarray:
    """Ranks of the labels under a model of RANK_COLUMNS: [n] int64."""
    return rows[RANK_COLUMNS[model]].to_numpy()


def slice_name(*parts: tuple[str, str | int]) -> str:
    """Name of a slice in metrics.json: ("history_length", "1-4") gives "history_length=1-4", nothing "overall"."""
    return ",".join(f"{key}={value}" for key, value in parts) or OVERALL


def slices(rows: pl.DataFrame, wanted: bool) -> Iterator[tuple[str, pl.DataFrame]]:
    """All rows, then, where wanted, the rows of each slice; each with its name in metrics.json."""
    yield OVERALL, rows
    for column in SLICES if wanted else ():
        for (value,), part in sorted(rows.drop_nulls(column).partition_by(column, as_dict=True).items()):
            yield slice_name((column, value)), part


def read_parquet(path: str, columns: list[str] | None = None) -> pl.DataFrame:
    """A file, local or one that TFX can open; `columns` of it, or all."""
    with fileio.open(path, "rb") as file:
        return pl.read_parquet(file.read(), columns=columns)
