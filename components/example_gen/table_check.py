"""Sorts the rows of an items or users table into usable ones and rejected ones, whole columns at a time.

An empty cell is no fault, but for the id: the list of its values is empty then.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from components.example_gen import parse, rows
from components.example_gen.table_options import ItemTableOptions
from schemas.forgotten import Forgotten
from schemas.hashing import stable_hash
from schemas.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from components.example_gen.batches import Batch
    from components.example_gen.table_options import Feature, Meaning, TableOptions

MOST_WORDS: Final = 16  # of a cell, each once
_WORD: Final = r"[\p{L}\p{M}\p{N}]+"
_TYPES: Final[dict[Meaning, pa.DataType]] = {
    "title": pa.string(),
    "time": pa.int64(),
    "categories": pa.string(),
    "number": pa.float32(),
    "words": pa.string(),
}


def usable_schema(options: TableOptions) -> pa.Schema:
    """Columns of the stage's output, each a list: the id, then what the options name."""
    fields = [(options.output_id, pa.string())]
    fields += [(feature.name, _TYPES[feature.meaning]) for feature in options.columns.features()]
    return pa.schema([(name, pa.list_(kind)) for name, kind in fields])


class TableCheck:
    """Checks one batch after the other; remembers the ids, of each of which the first row stands.

    It holds eight bytes an id: two ids of one hash, one pair in 10^7 tables of 10^6 rows, would be taken for one.

    Args:
        options: what to look for.
    """

    def __init__(self, options: TableOptions) -> None:
        self._options = options
        self._known = np.empty(0, np.uint64)
        told = getattr(options, "pseudonyms", None)  # of users alone
        self._pseudonyms = Pseudonyms.load(told) if told else None
        self._forgotten = Forgotten.load(options.forgotten)

    def __call__(self, batch: Batch, file: str) -> tuple[pa.Table, pa.Table]:
        """Splits a batch.

        A row is rejected for its first fault in this order: encoding, id, times and numbers, an earlier row of its id.

        Args:
            batch: rows as a reader gave them, with at least the configured columns.
            file: its name, as rejects should show it.
        Returns: usable rows (`usable_schema`) and rejected rows (schemas.records.REJECTED), in the file's order.
        """
        schema, columns = usable_schema(self._options), self._options.columns
        if self._forgotten:
            batch = dataclasses.replace(batch, broken=rows.without_names(batch.broken, self._forgotten))
        if batch.table.num_rows == 0:
            return schema.empty_table(), rows.with_file(rows.redacted(batch.broken, self._pseudonyms), file)
        plain = {name: rows.plain(batch.table.column(name)) for name in columns.used()}
        faults = rows.Faults.none(batch.table.num_rows)
        for name, column in plain.items():
            rows.check_text(column, name, faults)
        values = [_one_each(rows.ids(plain[columns.id], columns.id, faults))]
        values += [_lists(plain[feature.column], feature, self._options, faults) for feature in columns.features()]
        faults.add(self._again(values[0], faults), f"{columns.id} has an earlier row")
        table = pa.table([column.cast(kind) for column, kind in zip(values, schema.types, strict=True)], schema=schema)
        hidden = None
        ids = table.column(0).combine_chunks().flatten()
        if self._pseudonyms:
            hidden = columns.id
            ids = self._pseudonyms.replaced(ids)
            table = table.set_column(0, schema.field(0), _one_each(ids))
        stay = rows.leave_out(ids, self._forgotten, faults) if self._forgotten else np.ones(len(ids), bool)
        usable = table.filter(pa.array((faults.code == 0) & stay))
        rejected = rows.rejected_rows(batch, faults, self._options.delimiter, hidden)
        return usable, rows.with_file(rejected, file)

    def _again(self, ids: pa.Array, faults: rows.Faults) -> np.ndarray:
        """[n] bool: an earlier row that is usable has the id."""
        hashes = pl.Series(stable_hash(ids.flatten()), dtype=pl.UInt64)
        sound = pl.Series(faults.code == 0)
        candidates = hashes.filter(sound)
        again = ~candidates.is_first_distinct() | candidates.is_in(pl.Series(self._known).implode())
        self._known = np.concatenate([self._known, candidates.filter(~again).to_numpy()])
        found = np.zeros(len(hashes), bool)
        found[sound.to_numpy()] = again.to_numpy()
        return found


def _lists(column: pa.Array, feature: Feature, options: TableOptions, faults: rows.Faults) -> pa.Array:
    """A column as lists."""
    if isinstance(options, ItemTableOptions) and feature.meaning in ("time", "number"):
        return _numbers(column, feature, options, faults)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        cells = pl.Series(column).cast(pl.List(pl.String))
    elif feature.meaning == "words":
        cells = _text(column).str.to_lowercase().str.extract_all(_WORD)
    elif feature.meaning == "categories" and options.separator:
        cells = _text(column).str.split(options.separator)
    else:
        cells = _text(column).reshape((-1, 1)).cast(pl.List(pl.String))
    cells = cells.list.eval(pl.element().str.strip_chars()).list.eval(
        pl.element().filter(pl.element().is_not_null() & (pl.element() != ""))
    )
    if feature.meaning == "words":
        cells = cells.list.unique(maintain_order=True).list.head(MOST_WORDS)
    return _arrow(cells.fill_null([]))


def _text(column: pa.Array) -> pl.Series:
    return pl.Series(column.cast(pa.string()))


def _numbers(column: pa.Array, feature: Feature, options: ItemTableOptions, faults: rows.Faults) -> pa.Array:
    """Times or numbers; cells that are empty have none."""
    if feature.meaning == "time":
        values, is_one = parse.milliseconds(column, options.time_format, options.decimal)
        is_one &= (values >= 0) & (values <= parse.LAST_TIME)
        kind = "a time in the years 1970 to 9999"
    else:
        wide, is_one = parse.floats(column, options.decimal)
        with np.errstate(over="ignore"):
            values = wide.astype(np.float32)
        is_one &= np.isfinite(values)
        kind = "a number"
    empty = rows.missing(column)
    if pa.types.is_string(column.type):
        empty |= (_text(column).str.strip_chars() == "").fill_null(True).to_numpy()
    faults.add(~is_one & ~empty, f"{feature.column} is not {kind}")
    there = is_one & ~empty
    offsets = np.concatenate([[0], np.cumsum(there)])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values[there]))


def _one_each(ids: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.arange(len(ids) + 1), pa.int32()), ids.fill_null(""))


def _arrow(lists: pl.Series) -> pa.Array:
    return lists.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
