"""The Evaluator's rows of a split, read once and batch by batch: what is held is counts and a few examples."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from schemas import features
from schemas.hashing import stable_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

PEOPLE: Final = 20
RANKS: Final = {"candidate": "rank", "popularity": "popularity_rank", "baseline": "baseline_rank"}
_COLUMNS: Final = [
    "split", "user_id", "label", "label_timestamp", *RANKS.values(), "top_items", features.HISTORY_LENGTH,
]  # fmt: skip
_SEED: Final = 20


@dataclasses.dataclass(frozen=True)
class Tested:
    """What a split's rows say together.

    Args:
        rows: examples; those whose label wasn't ranked are among them.
        ranks: by model, [n] int64 of the ranked ones; models without ranks are left out.
        users: [n] uint64, a hash of each ranked example's user.
        lengths: examples by bucket of the history's length.
        shown: item_id and count: in how many first lists of `cutoff` items it stands.
        labels: item_id and count: how often it came next.
        chosen: rows of PEOPLE users, by a stable hash of their ids: the earliest label of each.
    """

    rows: int
    ranks: Mapping[str, np.ndarray]
    users: np.ndarray
    lengths: Mapping[str, int]
    shown: pl.DataFrame
    labels: pl.DataFrame
    chosen: tuple[Mapping[str, Any], ...]


def read(uri: str, split: str, cutoff: int) -> Tested | None:
    """Reads the rows of a split; None where there are none."""
    import polars as pl

    rows, parts, chosen = 0, [], None
    shown, labels = _Counts(), _Counts()
    lengths: dict[str, int] = {}
    for batch in _batches(uri, split):
        rows += batch.height
        for name, count in batch[features.HISTORY_LENGTH].value_counts().iter_rows():
            lengths[str(name)] = lengths.get(str(name), 0) + count
        ranked = batch.filter(pl.col("rank").is_not_null())
        labels.add(ranked["label"])
        shown.add(ranked["top_items"].list.head(cutoff).explode())
        hashed = ranked.with_columns(pl.Series("hash", stable_hash(ranked["user_id"].to_arrow(), _SEED), pl.UInt64))
        parts.append(hashed.select("hash", *RANKS.values()))
        chosen = _first_users(hashed if chosen is None else pl.concat([chosen, hashed]))
    if not rows:
        return None
    ranked = pl.concat(parts)
    return Tested(
        rows=rows,
        ranks={
            model: ranked[column].to_numpy().astype(np.int64)
            for model, column in RANKS.items()
            if ranked.height and not ranked[column].null_count()
        },
        users=ranked["hash"].to_numpy(),
        lengths=lengths,
        shown=shown.total(),
        labels=labels.total(),
        chosen=tuple(chosen.to_dicts()) if chosen is not None else (),
    )


def _batches(uri: str, split: str) -> Iterator[pl.DataFrame]:
    import polars as pl
    import pyarrow.dataset as ds

    from inspection.report.interactions import dataset

    found = dataset(uri)
    if found is None:
        return
    columns = [name for name in _COLUMNS if name in found.schema.names]
    for batch in found.to_batches(columns=columns, filter=ds.field("split") == split):
        if batch.num_rows:
            yield cast("pl.DataFrame", pl.from_arrow(batch))


def _first_users(rows: pl.DataFrame) -> pl.DataFrame:
    """The PEOPLE users of the smallest hashes, each with the earliest label."""
    ordered = rows.sort("hash", "user_id", "label_timestamp", "label")
    return ordered.unique("user_id", keep="first", maintain_order=True).head(PEOPLE)


class _Counts:
    """How often each value came, added up so that no more than the different values are held."""

    def __init__(self) -> None:
        self._held: pl.DataFrame | None = None

    def add(self, values: pl.Series) -> None:
        import polars as pl

        new = values.drop_nulls().alias("item_id").value_counts().with_columns(pl.col("count").cast(pl.Int64))
        new = new.filter(pl.col("item_id") != "")  # of lists that no more items were left for
        both = new if self._held is None else pl.concat([self._held, new])
        self._held = both.group_by("item_id").agg(pl.col("count").sum())

    def total(self) -> pl.DataFrame:
        """item_id and count, the most frequent first; ids decide between equals."""
        import polars as pl

        if self._held is None:
            return pl.DataFrame({"item_id": [], "count": []}, {"item_id": pl.String, "count": pl.Int64})
        return self._held.sort(["count", "item_id"], descending=[True, False])
