"""One pass over the log, by the very reader and checks of a run, that keeps whole histories of a sample of users.

A sample of rows, or the head of a log that is sorted by time, would cut histories short. So users are drawn by a hash
of their id, and items by a hash of theirs for what must know all events of an item. Memory is bounded whatever the
log's size: when a sample grows too large, half of its ids go.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen import check, files
from schemas import features as f
from schemas.hashing import stable_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.example_gen.inputs import InputFile
    from components.example_gen.options import Options

MOST_ROWS: Final = 20_000_000  # read at most; then it says so
_MOST_SAMPLED: Final = 2_000_000  # rows of a sample
_MOST_WORDS: Final = 1000  # distinct events that are counted, in case the column is none
USER, ITEM, TIME, TIE = "user", "item", "time", "tie"


@dataclasses.dataclass(frozen=True)
class Reject:
    """Why rows are set aside, with the first of them."""

    reason: str
    rows: int
    file: str
    line: int
    text: str


@dataclasses.dataclass(frozen=True)
class Survey:
    """What the pass found.

    Args:
        read, rejected: rows.
        complete: all rows were read.
        rejects: by reason, most frequent first.
        words: rows by value of the event column, "" where it is missing; empty without one.
        events: sampled users' events: USER, ITEM, TIE [uint64, uint64, int64] hashes, TIME int64 milliseconds.
        user_share: share of users that `events` holds.
        item_events: sampled items' events: ITEM, TIME.
        item_share: share of items that `item_events` holds.
    """

    read: int
    rejected: int
    complete: bool
    rejects: tuple[Reject, ...]
    words: dict[str, int]
    events: pl.DataFrame
    user_share: float
    item_events: pl.DataFrame
    item_share: float


class _Sample:
    """Rows whose key's hash lies below a threshold, which halves when they get too many."""

    def __init__(self, key: str, limit: int) -> None:
        self._key, self._limit = key, limit
        self._halvings, self._rows = 0, 0
        self._parts: list[pl.DataFrame] = []

    @property
    def share(self) -> float:
        return 0.5**self._halvings

    def add(self, rows: pl.DataFrame) -> None:
        self._append(self._kept(rows))
        while self._rows > self._limit:
            self._halvings += 1
            self._parts = [self._kept(part) for part in self._parts]
            self._rows = sum(part.height for part in self._parts)

    def _append(self, rows: pl.DataFrame) -> None:
        self._parts.append(rows)
        self._rows += rows.height

    def _kept(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(pl.col(self._key) <= (2**64 - 1) >> self._halvings) if self._halvings else rows

    def frame(self, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
        return pl.concat([pl.DataFrame(schema=schema), *self._parts])


def survey(
    found: Sequence[InputFile],
    options: Options,
    event: str | None,
    *,
    most_rows: int = MOST_ROWS,
    limit: int = _MOST_SAMPLED,
) -> Survey:
    """Reads a log.

    Args:
        found: its files.
        options: how to read them, without an event column.
        event: the event column, whose words are counted; None: there is none.
        most_rows: where to stop.
        limit: rows of each sample.
    Raises: DataError: a file can't be read on, or lacks a column.
    """
    by_user, by_item = _Sample(USER, limit), _Sample(ITEM, limit)
    words: collections.Counter[str] = collections.Counter()
    rejects: dict[str, Reject] = {}
    read = rejected = 0
    for name, batch in ((file.name, batch) for file in found for batch in files.batches(file.name, options)):
        usable, aside = check.check(batch, name, options)
        read, rejected = read + usable.num_rows + aside.num_rows, rejected + aside.num_rows
        count_rejects(aside, rejects)
        if event and len(words) < _MOST_WORDS:
            words.update(_words(batch.table, event))
        rows = _hashed(usable)
        by_user.add(rows)
        by_item.add(rows.select(ITEM, TIME))
        if read >= most_rows:
            break
    schema = {USER: pl.UInt64, ITEM: pl.UInt64, TIME: pl.Int64, TIE: pl.Int64}
    return Survey(
        read,
        rejected,
        read < most_rows,
        tuple(sorted(rejects.values(), key=lambda reject: -reject.rows)),
        dict(words),
        by_user.frame(schema),
        by_user.share,
        by_item.frame({ITEM: pl.UInt64, TIME: pl.Int64}),
        by_item.share,
    )


def hashes(ids: pl.Series) -> np.ndarray:
    """[n] uint64: hashes of ids as the survey has them, to compare a table's ids with the log's."""
    return stable_hash(ids.cast(pl.String).to_arrow())


def _hashed(usable: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(
        {
            USER: stable_hash(_flat(usable, f.USER_ID)),
            ITEM: stable_hash(_flat(usable, f.ITEM_ID)),
            TIME: _flat(usable, f.TIMESTAMP).to_numpy(),
            TIE: _flat(usable, f.TIE).to_numpy(),
        },
        schema={USER: pl.UInt64, ITEM: pl.UInt64, TIME: pl.Int64, TIE: pl.Int64},
    )


def _flat(table: pa.Table, name: str) -> pa.ChunkedArray:
    """A column of lists of one value, without the lists."""
    return pc.list_flatten(table.column(name))


def _words(table: pa.Table, event: str) -> dict[str, int]:
    if event not in table.column_names or not table.num_rows:
        return {}
    column = table.column(event)
    column = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    counts = pl.Series(column.cast(pa.string())).fill_null("").value_counts()
    return dict(counts.iter_rows())


def count_rejects(aside: pa.Table, rejects: dict[str, Reject]) -> None:
    """Adds rejected rows (schemas.records.REJECTED) to `rejects`, by reason."""
    if not aside.num_rows:
        return
    by_reason = pl.DataFrame(pl.from_arrow(aside)).group_by("reason", maintain_order=True)
    for reason, rows, file, line, text in by_reason.agg(
        pl.len(), pl.col("file").first(), pl.col("line").first(), pl.col("text").first()
    ).iter_rows():
        first = rejects.get(reason) or Reject(reason, 0, file, line, text)
        rejects[reason] = dataclasses.replace(first, rows=first.rows + rows)
