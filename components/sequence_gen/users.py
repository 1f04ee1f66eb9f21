"""The users table's categories join the sequences, a bucket's users at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from components.sequence_gen.windows import gather
from schemas import buckets as b
from schemas import features as f
from schemas.histories import USER, person


class Lists(NamedTuple):
    """A list of values for each user."""

    offsets: np.ndarray  # [users + 1] int64
    values: pa.Array  # large_binary

    def of(self, users: np.ndarray) -> pa.Array:
        """[n] numbers of users -> [n] lists."""
        offsets, rows = gather(self.offsets[users], self.offsets[users + 1])
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), self.values.take(pa.array(rows)))


def names(schema: pa.Schema) -> tuple[str, ...]:
    """The features of a users table."""
    return tuple(name for name in schema.names if name.startswith(f.FEATURE_PREFIX))


def split(batch: pa.RecordBatch, buckets: int) -> Iterator[tuple[int, bytes]]:
    """Shares a batch of the table out, as `buckets.split` shares out interactions, so that a user's row meets them.

    Args:
        batch: user_id, a list of one value; features, lists of strings of any length.
        buckets: how many there are.
    Yields: number of a bucket, and its rows.
    """
    ids = batch.column(batch.schema.get_field_index(f.USER_ID)).flatten()
    kept = names(batch.schema)
    lists = [batch.column(batch.schema.get_field_index(name)) for name in kept]
    yield from b.split(pa.RecordBatch.from_arrays([ids, *lists], names=[f.USER_ID, *kept]), buckets)


def features(
    events: pl.DataFrame, pieces: Iterable[bytes], wanted: Sequence[str], *, sessions: bool
) -> dict[str, Lists]:
    """What the table says of the users of a bucket.

    Args:
        events: columns USER and user_id; equal users side by side.
        pieces: the bucket's rows of the table. Of several rows of one user, the first counts.
        wanted: names of the table's features.
        sessions: whether each USER is a session, whose user_id says so.
    Returns: by the sequences' name of each feature, a list for each user in the events' order; empty where the table
        has no row of the user.
    """
    first = pl.col(f.USER_ID).first()
    of_users = events.group_by(USER, maintain_order=True).agg((person(first) if sessions else first).alias("of"))
    table = b.unpack(pieces)
    if table is None:
        return {_name(name): _lists(pl.Series([[]] * of_users.height, dtype=pl.List(pl.String))) for name in wanted}
    table = table.unique(f.USER_ID, keep="first", maintain_order=True)
    joined = of_users.join(table, left_on="of", right_on=f.USER_ID, how="left", maintain_order="left")
    return {_name(name): _lists(joined[name]) for name in wanted}


def _name(feature: str) -> str:
    return f.USER_FEATURE_PREFIX + feature[len(f.FEATURE_PREFIX) :]


def _lists(column: pl.Series) -> Lists:
    arrow = column.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    lengths = pc.list_value_length(arrow).fill_null(0).to_numpy(zero_copy_only=False)
    return Lists(np.concatenate([[0], np.cumsum(lengths)]), arrow.flatten().cast(pa.large_binary()))
