"""Sorts a batch's rows into usable ones and rejected ones, whole columns at a time."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen import parse
from components.example_gen.batches import rejected_table, row_text
from components.example_gen.text_source import MARK, as_text
from schemas import features as f
from schemas.hashing import as_int64, combine, stable_hash
from schemas.records import REJECTED

if TYPE_CHECKING:
    from components.example_gen.batches import Batch
    from components.example_gen.options import Columns, Options

_EPOCHS = {"seconds": "a number of seconds", "milliseconds": "a number of milliseconds", "iso8601": "an ISO 8601 time"}


def usable_schema(columns: Columns) -> pa.Schema:
    """Columns of the stage's output; each is a list of one value."""
    fields = [(f.USER_ID, pa.string()), (f.ITEM_ID, pa.string()), (f.TIMESTAMP, pa.int64()), (f.TIE, pa.int64())]
    fields += [(f.ORDER, pa.int64())] if columns.order else []
    fields += [(f.RATING, pa.float32())] if columns.rating else []
    fields += [(f.WEIGHT, pa.float32())] if columns.weight else []
    fields += [(f.CONTEXT_PREFIX + name, pa.string()) for name in columns.context]
    return pa.schema([(name, pa.list_(kind)) for name, kind in fields])


def check(batch: Batch, file: str, options: Options) -> tuple[pa.Table, pa.Table]:
    """Splits a batch.

    A row is rejected for its first fault in this order: encoding, user, item, time, rating, weight, order.

    Args:
        batch: rows as a reader gave them, with at least the configured columns.
        file: its name, as rejects should show it.
    Returns: usable rows (`usable_schema`) and rejected rows (schemas.records.REJECTED), each in the file's order.
    """
    if batch.table.num_rows == 0:
        return _as_lists({}, options.columns), _with_file(batch.broken, file)
    table = pa.table({name: _plain(batch.table.column(i)) for i, name in _read(batch.table, options.columns)})
    faults = _Faults(np.zeros(table.num_rows, np.int8), [])
    values = _values(table, options, faults)
    values[f.TIE] = pa.array(tie(batch.table, options.tie_seed))
    rejected = batch.broken
    if faults.found:
        keep = pa.array(faults.code == 0)
        rejected = _merged(rejected, _rejected(batch, faults, options.delimiter))
        values = {name: column.filter(keep) for name, column in values.items()}
    return _as_lists(values, options.columns), _with_file(rejected, file)


def _read(table: pa.Table, columns: Columns) -> list[tuple[int, str]]:
    used = columns.used()
    return [(i, name) for i, name in enumerate(table.column_names) if name in used]


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """One array, strings as `string`, dictionaries decoded."""
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return as_text(array)
    return array.cast(pa.string()) if pa.types.is_large_string(array.type) else array


@dataclasses.dataclass
class _Faults:
    """code [n] int8: 0, or 1 + the index of the row's first fault in `reasons`."""

    code: np.ndarray
    reasons: list[str]

    @property
    def found(self) -> bool:
        return bool(self.reasons)

    def add(self, bad: np.ndarray, reason: str) -> None:
        if bad.any():
            self.reasons.append(reason)
            self.code[(self.code == 0) & bad] = len(self.reasons)


def _values(table: pa.Table, options: Options, faults: _Faults) -> dict[str, pa.Array]:
    """Every output column but the tie; rows with a fault hold anything."""
    columns = options.columns
    texts = {name: _one(table, name) for name in columns.used()}
    for name, column in texts.items():
        if pa.types.is_string(column.type):
            faults.add(
                pc.match_substring(column, MARK).fill_null(False).to_numpy(zero_copy_only=False), f"{name} isn't UTF-8"
            )
    values = {
        f.USER_ID: _id(texts[columns.user], columns.user, faults),
        f.ITEM_ID: _id(texts[columns.item], columns.item, faults),
        f.TIMESTAMP: _time(texts[columns.timestamp], options, faults),
    }
    if columns.rating:
        values[f.RATING] = _float(texts[columns.rating], columns.rating, faults, least=None)
    if columns.weight:
        values[f.WEIGHT] = _float(texts[columns.weight], columns.weight, faults, least=0.0)
    if columns.order:
        values[f.ORDER] = _order(texts[columns.order], columns.order, faults)
    for name in columns.context:
        values[f.CONTEXT_PREFIX + name] = texts[name].cast(pa.string()).fill_null("")
    return values


def _one(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _missing(column: pa.Array) -> np.ndarray:
    if not pa.types.is_string(column.type):
        return pc.is_null(column).to_numpy(zero_copy_only=False)
    return pc.equal(pc.binary_length(column), 0).fill_null(True).to_numpy(zero_copy_only=False)


def _id(column: pa.Array, name: str, faults: _Faults) -> pa.Array:
    faults.add(_missing(column), f"{name} is missing")
    return column.cast(pa.string())


def _time(column: pa.Array, options: Options, faults: _Faults) -> pa.Array:
    name = options.columns.timestamp
    values, is_time = parse.milliseconds(column, options.time_format)
    if not is_time.all():
        faults.add(_missing(column), f"{name} is missing")
        faults.add(~is_time, f"{name} is not {_EPOCHS[options.time_format]}")
    faults.add((values < 0) | (values > parse.LAST_TIME), f"{name} is not in the years 1970 to 9999")
    return pa.array(values)


def _float(column: pa.Array, name: str, faults: _Faults, least: float | None) -> pa.Array:
    values, is_number = parse.floats(column)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    is_number &= np.isfinite(narrow)
    if not is_number.all():
        faults.add(_missing(column), f"{name} is missing")
        faults.add(~is_number, f"{name} is not a number")
    if least is not None:
        faults.add(values < least, f"{name} is less than {least:g}")
    return pa.array(narrow)


def _order(column: pa.Array, name: str, faults: _Faults) -> pa.Array:
    values, is_whole = parse.integers(column)
    if not is_whole.all():
        faults.add(_missing(column), f"{name} is missing")
        faults.add(~is_whole, f"{name} is not a whole number")
    return pa.array(values)


def tie(table: pa.Table, seed: int) -> np.ndarray:
    """A seeded hash over all of the row's values, whatever the order of the file's columns.

    Text is hashed as its bytes, whole numbers and dates as their decimal text (so CSV and Parquet of the same ids
    agree), floats as the bytes of a double; nested columns are left out.

    Returns: [n] int64.
    """
    order = sorted(range(table.num_columns), key=lambda i: table.column_names[i])
    hashes = [stable_hash(_bytes(table.column(i)), seed) for i in order if not pa.types.is_nested(table.column(i).type)]
    return as_int64(combine(hashes))


def _bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _bytes(column.cast(kind.value_type))
    if pa.types.is_floating(kind):
        wide = column.cast(pa.float64()).fill_null(np.nan).to_numpy()
        offsets = pa.py_buffer(np.arange(len(wide) + 1, dtype=np.int32) * 8)
        data = pa.py_buffer(np.ascontiguousarray(wide, "<f8"))
        return pa.chunked_array([pa.Array.from_buffers(pa.binary(), len(wide), [None, offsets, data])])
    if pa.types.is_timestamp(kind) or pa.types.is_date64(kind) or pa.types.is_time64(kind):
        return column.cast(pa.int64()).cast(pa.string())
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return column.cast(pa.int32()).cast(pa.string())
    if pa.types.is_fixed_size_binary(kind):
        return column.cast(pa.binary())
    as_bytes = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return column if any(is_kind(kind) for is_kind in as_bytes) else column.cast(pa.string())


def _rejected(batch: Batch, faults: _Faults, delimiter: str) -> pa.Table:
    bad = np.flatnonzero(faults.code)
    reason = pa.array(faults.reasons).take(pa.array(faults.code[bad] - 1))
    return rejected_table(batch.line[bad], reason, row_text(batch.table.take(pa.array(bad)), delimiter))


def _merged(broken: pa.Table, rejected: pa.Table) -> pa.Table:
    both = pa.concat_tables([broken, rejected])
    return both.take(pc.sort_indices(both, sort_keys=[("line", "ascending")]))


def _with_file(rejected: pa.Table, file: str) -> pa.Table:
    name = pa.array([file]).take(pa.array(np.zeros(rejected.num_rows, np.int8)))
    return rejected.add_column(0, "file", name).cast(REJECTED)


def _as_lists(values: dict[str, pa.Array], columns: Columns) -> pa.Table:
    schema = usable_schema(columns)
    n = len(next(iter(values.values()))) if values else 0
    offsets = pa.array(np.arange(n + 1, dtype=np.int32))
    flat = {field.name: values.get(field.name, pa.array([], field.type.value_type)) for field in schema}
    return pa.table([pa.ListArray.from_arrays(offsets, flat[field.name]) for field in schema], schema=schema)
