"""The same reading, sorting, splitting and windowing in bare Polars: what the stages are measured beside."""

from __future__ import annotations

import pathlib

import polars as pl


def read(log: pathlib.Path, to: pathlib.Path) -> None:
    """CSV to Parquet, nothing checked."""
    pl.read_csv(log, columns=["user_id", "item_id", "timestamp"]).write_parquet(to)


def sequences(interactions: pathlib.Path, folder: pathlib.Path, window: int) -> None:
    """Parquet to leave-last-out sequences in Parquet: the latest window of each user, nothing counted or marked."""
    folder.mkdir()
    events = pl.read_parquet(interactions).sort("user_id", "timestamp")
    users = events.group_by("user_id", maintain_order=True).agg("item_id", "timestamp")
    for split, behind in (("train", 3), ("valid", 2), ("test", 1)):
        held = pl.col("item_id").list.len().cast(pl.Int64) - behind  # without a sign, users of few events would pass
        cut = users.filter(held > 0).select(
            "user_id",
            pl.col("item_id").list.head(held).list.tail(window).alias("history"),
            pl.col("timestamp").list.head(held).list.tail(window).alias("history_timestamp"),
            (
                pl.col("item_id").list.slice(1, held).list.tail(window)
                if split == "train"
                else pl.col("item_id").list.get(-behind)
            ).alias("label"),
        )
        cut.write_parquet(folder / f"{split}.parquet")
