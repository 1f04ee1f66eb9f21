"""Sorts a batch's rows into usable ones and rejected ones, whole columns at a time."""

from __future__ import annotations

import dataclasses
import datetime
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.example_gen import inputs, parse, rows
from schemas import features as f
from schemas.hashing import as_int64, combine, stable_hash

if TYPE_CHECKING:
    from components.example_gen.batches import Batch
    from components.example_gen.options import Columns, Options
    from schemas.forgotten import Forgotten
    from schemas.pseudonyms import Pseudonyms

_DAY = 86_400_000  # milliseconds
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_EPOCHS = {"seconds": "a number of seconds", "milliseconds": "a number of milliseconds", "iso8601": "an ISO 8601 time"}


def usable_schema(columns: Columns, *, by_span: bool = False) -> pa.Schema:
    """Columns of the stage's output; each is a list of one value. `by_span`: each row says its span."""
    fields = [(f.USER_ID, pa.string()), (f.ITEM_ID, pa.string()), (f.TIMESTAMP, pa.int64()), (f.TIE, pa.int64())]
    fields += [(f.ORDER, pa.int64())] if columns.order else []
    fields += [(f.RATING, pa.float32())] if columns.rating else []
    fields += [(f.WEIGHT, pa.float32())] if columns.weighted else []
    fields += [(f.CONTEXT_PREFIX + name, pa.string()) for name in columns.context]
    fields += [(f.SPAN, pa.int64())] if by_span else []
    return pa.schema([(name, pa.list_(kind)) for name, kind in fields])


def check(
    batch: Batch,
    file: str,
    options: Options,
    moment: int | None = None,
    span: int | None = None,
    pseudonyms: Pseudonyms | None = None,
    forgotten: Forgotten | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Splits a batch.

    A row is rejected for its first fault in this order: encoding, user, item, time, rating, weight or event, order.

    Args:
        batch: rows as a reader gave them, with at least the configured columns.
        file: its name, as rejects should show it.
        moment: milliseconds since 1970 at which reading began, by which the future is told; None: now.
        span: the file's; None: the log isn't read by span.
        pseudonyms: what users are called by; None: by their ids.
        forgotten: users whose rows are in neither table; None: nobody.
    Returns: usable rows (`usable_schema`) and rejected rows (schemas.records.REJECTED), each in the file's order.
    """
    schema = usable_schema(options.columns, by_span=span is not None)
    if forgotten:
        batch = dataclasses.replace(batch, broken=rows.without_names(batch.broken, forgotten))
    if batch.table.num_rows == 0:
        return _as_lists({}, schema), rows.with_file(rows.redacted(batch.broken, pseudonyms), file)
    table = pa.table({name: rows.plain(batch.table.column(i)) for i, name in _read(batch.table, options.columns)})
    faults = rows.Faults.none(table.num_rows)
    values = _values(table, options, faults, now() if moment is None else moment)
    if f.USER_ID not in values:
        values[f.USER_ID] = rows.repeated(inputs.stream(file), table.num_rows)
    values[f.TIE] = pa.array(tie(batch.table, options.tie_seed))
    if span is not None:
        values[f.SPAN] = pa.array(np.full(table.num_rows, span, np.int64))
    if pseudonyms:  # after the tie, which is a hash of the raw row: the order of events doesn't hang on the key
        values[f.USER_ID] = pseudonyms.replaced(values[f.USER_ID])
    stay = rows.leave_out(values[f.USER_ID], forgotten, faults) if forgotten else np.ones(table.num_rows, bool)
    rejected = rows.rejected_rows(batch, faults, options.delimiter, options.columns.user if pseudonyms else None)
    if faults.found or forgotten:
        keep = pa.array((faults.code == 0) & stay)
        values = {name: column.filter(keep) for name, column in values.items()}
    return _as_lists(values, schema), rows.with_file(rejected, file)


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _read(table: pa.Table, columns: Columns) -> list[tuple[int, str]]:
    used = columns.used()
    return [(i, name) for i, name in enumerate(table.column_names) if name in used]


def _values(table: pa.Table, options: Options, faults: rows.Faults, moment: int) -> dict[str, pa.Array]:
    """Every output column but the tie, and the user where no column says it; rows with a fault hold anything."""
    columns = options.columns
    texts = {name: rows.one(table, name) for name in columns.used()}
    for name, column in texts.items():
        rows.check_text(column, name, faults)
    values = {f.USER_ID: rows.ids(texts[columns.user], columns.user, faults)} if columns.user else {}
    values[f.ITEM_ID] = rows.ids(texts[columns.item], columns.item, faults)
    values[f.TIMESTAMP] = _time(texts[columns.timestamp], options, faults, moment)
    if columns.rating:
        values[f.RATING] = _float(texts[columns.rating], columns.rating, options, faults, least=None)
    if columns.weight:
        values[f.WEIGHT] = _float(texts[columns.weight], columns.weight, options, faults, least=0.0)
    if columns.event:
        values[f.WEIGHT] = _event(texts[columns.event], columns.event, options, faults)
    if columns.order:
        values[f.ORDER] = _order(texts[columns.order], columns.order, faults)
    for name in columns.context:
        values[f.CONTEXT_PREFIX + name] = texts[name].cast(pa.string()).fill_null("")
    return values


def _time(column: pa.Array, options: Options, faults: rows.Faults, moment: int) -> pa.Array:
    name = options.columns.timestamp
    values, is_time = parse.milliseconds(column, options.time_format, options.decimal)
    if not is_time.all():
        faults.add(rows.missing(column), f"{name} is missing")
        faults.add(~is_time, f"{name} is not {_EPOCHS[options.time_format]}")
    faults.add((values < 0) | (values > parse.LAST_TIME), f"{name} is not in the years 1970 to 9999")
    if options.latest:
        faults.add(values > _since_1970(options.latest), f"{name} is later than example_gen.latest")
    else:
        faults.add(values > moment + _DAY, f"{name} is more than a day in the future")
    return pa.array(values)


def _since_1970(moment: datetime.datetime) -> int:
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    return (zoned - _EPOCH) // datetime.timedelta(milliseconds=1)


def _float(column: pa.Array, name: str, options: Options, faults: rows.Faults, least: float | None) -> pa.Array:
    values, is_number = parse.floats(column, options.decimal)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    is_number &= np.isfinite(narrow)
    if not is_number.all():
        faults.add(rows.missing(column), f"{name} is missing")
        faults.add(~is_number, f"{name} is not a number")
    if least is not None:
        faults.add(values < least, f"{name} is less than {least:g}")
    return pa.array(narrow)


def _event(column: pa.Array, name: str, options: Options, faults: rows.Faults) -> pa.Array:
    place = pc.index_in(column.cast(pa.string()), value_set=pa.array(list(options.event_weights)))
    if place.null_count:
        faults.add(rows.missing(column), f"{name} is missing")
        faults.add(pc.is_null(place).to_numpy(zero_copy_only=False), f"{name} is not in example_gen.event_weights")
    return pa.array(list(options.event_weights.values()), pa.float32()).take(place.fill_null(0))


def _order(column: pa.Array, name: str, faults: rows.Faults) -> pa.Array:
    values, is_whole = parse.integers(column)
    if not is_whole.all():
        faults.add(rows.missing(column), f"{name} is missing")
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


def _as_lists(values: dict[str, pa.Array], schema: pa.Schema) -> pa.Table:
    n = len(next(iter(values.values()))) if values else 0
    offsets = pa.array(np.arange(n + 1, dtype=np.int32))
    flat = {field.name: values.get(field.name, pa.array([], field.type.value_type)) for field in schema}
    return pa.table([pa.ListArray.from_arrays(offsets, flat[field.name]) for field in schema], schema=schema)
