"""The ratings of the training labels, by item: what a model of ratings must do better than."""

from __future__ import annotations

import io
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import polars as pl
import pyarrow as pa
from tfx.dsl.io import fileio

from components.evaluator import columns, per_user
from schemas import errors, features, records

_SCHEMA = {"item_id": pl.String, "sum": pl.Float64, "weight": pl.Float64}
_TOGETHER = 1024  # sequences read at a time


class AddUp(beam.PTransform):
    """Serialised sequences of the training split -> one frame: item_id, sum and weight of its ratings.

    Each label from loss_from on counts once, as much as its weight says: what the head of ratings learns from.
    """

    def expand(self, examples: beam.PCollection) -> beam.PCollection:
        together = beam.BatchElements(min_batch_size=_TOGETHER, max_batch_size=_TOGETHER)
        return examples | "Gather" >> together | "Read" >> beam.Map(_of_batch) | beam.CombineGlobally(add_up)


def add_up(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The sums of several frames, in order of the items."""
    total = pl.concat([pl.DataFrame(schema=_SCHEMA), *frames]).group_by("item_id")
    return total.agg(pl.col("sum").sum(), pl.col("weight").sum()).sort("item_id")


def write(total: pl.DataFrame, path: str) -> None:
    """Writes what `add_up` made as Parquet.

    Raises: DataError: nobody rated anything.
    """
    if not total["weight"].sum():
        raise errors.DataError(
            "No label of the training split has a rating.",
            where="evaluator",
            next_step="Name the log's column in example_gen.columns.rating, or choose another trainer.model.head.",
        )
    buffer = io.BytesIO()
    total.write_parquet(buffer)
    with fileio.open(path, "wb") as file:
        file.write(buffer.getvalue())


def means(path: str, shrinkage: float) -> tuple[pl.DataFrame, float]:
    """Mean ratings.

    Args:
        path: of `write`.
        shrinkage: ratings that count as much as the mean of all in an item's own, which few ratings say little of.
    Returns: item_id and mean; the mean of all, which an item without a rating has.
    """
    total = per_user.read_parquet(path)
    mean = float(total["sum"].sum()) / float(total["weight"].sum())
    of_item = (pl.col("sum") + shrinkage * mean) / (pl.col("weight") + shrinkage)
    return total.filter(pl.col("weight") > 0).select("item_id", mean=of_item), mean


def _of_batch(examples: list[bytes]) -> pl.DataFrame:
    read = records.from_examples(examples)
    rows, items = columns.values(read, features.LABEL)
    _, ratings = columns.numbers(read, features.LABEL_RATING)
    if not len(rows) or not len(ratings):
        return pl.DataFrame(schema=_SCHEMA)
    _, weights = columns.numbers(read, features.LABEL_WEIGHT)
    first = columns.one(read, features.LOSS_FROM, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    lengths = columns.lengths(read, features.LABEL)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    weight = np.where((place >= first[rows]) & np.isfinite(ratings), weights if len(weights) else 1.0, 0.0)
    frame = pl.DataFrame({"item_id": items, "sum": np.where(weight > 0, ratings, 0.0) * weight, "weight": weight})
    return add_up([frame])
