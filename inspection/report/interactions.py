"""Histories, their lengths, and titles, out of the tables of events and items. Batch by batch: those may be large."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from inspection import files
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import pyarrow as pa
    import pyarrow.dataset as ds

COUNTED: Final = 3_000_000  # events at most whose users are counted: beyond it, the Evaluator's buckets have to do
_MINUTE: Final = 60_000  # milliseconds


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Whose history is looked for: the events before the one that is the label."""

    user: str
    label: str
    time: int


def dataset(uri: str) -> ds.Dataset | None:
    """The Parquet files of a folder, or one file; None where there are none."""
    import pyarrow.dataset as ds

    system, root = files.locate(uri)
    try:
        paths = sorted(name for name in system.find(root) if name.endswith(".parquet"))
        return ds.dataset(paths, filesystem=system, format="parquet") if paths else None
    except OSError:
        return None


def events_a_user(uri: str) -> np.ndarray | None:
    """How many events each user has.

    Returns: [users] int64 in no order; None where there are no events, or more than COUNTED.
    """
    import polars as pl

    found = dataset(uri)
    if found is None or found.count_rows() > COUNTED:
        return None
    users = pl.concat([_series(batch, f.USER_ID) for batch in found.to_batches(columns=[f.USER_ID])])
    return users.value_counts()["count"].to_numpy()


def histories(uri: str, wanted: Sequence[Wanted], session_gap: float | None) -> Mapping[str, tuple[str, ...]]:
    """Of each user, the items of the events before the label, the oldest first.

    Args:
        uri: of interactions.
        wanted: users and their labels; with sessions, users are "<user>/<number>".
        session_gap: minutes without an event that begin a new session; None: there are none.
    Returns: by user; users whose label can't be found are left out.
    """
    import polars as pl

    found = dataset(uri)
    if found is None or not wanted:
        return {}
    person = {each: each.user.rpartition("/")[0] if session_gap is not None else each.user for each in wanted}
    order = [name for name in (f.TIMESTAMP, f.ORDER, f.TIE) if name in found.schema.names]
    parts = list(_rows(found, f.USER_ID, sorted(set(person.values())), [f.ITEM_ID, *order]))
    if not parts:
        return {}
    events = pl.concat(parts).sort(order)
    told = {}
    for each, user in person.items():
        rows = events.filter(pl.col(f.USER_ID) == user)
        times, items = rows[f.TIMESTAMP].to_list(), rows[f.ITEM_ID].to_list()
        at = next((i for i, found in enumerate(zip(times, items, strict=True)) if found == (each.time, each.label)), -1)
        if at >= 0:
            told[each.user] = tuple(items[_begin(times[: at + 1], session_gap) : at])
    return told


def _begin(times: Sequence[int], session_gap: float | None) -> int:
    """Where the session of the last of these events begins; 0 without sessions."""
    if session_gap is None:
        return 0
    late = [i for i in range(1, len(times)) if times[i] - times[i - 1] > session_gap * _MINUTE]
    return late[-1] if late else 0


def titles(uri: str, items: Sequence[str]) -> Mapping[str, str]:
    """Titles of items; of several of one item, the first. Empty where the table has none."""
    found = dataset(uri)
    if found is None or f.TITLE not in found.schema.names:
        return {}
    told: dict[str, str] = {}
    for part in _rows(found, f.ITEM_ID, items, [f.TITLE]):
        for item, title in part.select(f.ITEM_ID, f.TITLE).iter_rows():
            if title:
                told.setdefault(item, title)
    return told


def _rows(found: ds.Dataset, key: str, values: Sequence[str], columns: Sequence[str]) -> Iterator[Any]:
    """The rows whose `key` is among the values, as plain columns."""
    import polars as pl
    import pyarrow as pa
    import pyarrow.compute as pc

    among = pa.array(values, pa.string())
    for batch in found.to_batches(columns=[key, *columns]):
        kept = batch.filter(pc.is_in(_plain(batch, key).cast(pa.string()), value_set=among))
        if kept.num_rows:
            yield pl.DataFrame({name: _series(kept, name) for name in (key, *columns)})


def _plain(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column of single values, whether it holds them or lists of one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = batch.column(batch.schema.names.index(name))
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        one = pc.equal(pc.list_value_length(column), 1)
        flat = column.flatten()
        return flat if len(flat) == len(column) and pc.all(one).as_py() else pa.array(
            [each[0] if each else None for each in column.to_pylist()], column.type.value_type
        )  # fmt: skip
    return column


def _series(batch: pa.RecordBatch, name: str) -> Any:
    import polars as pl

    return pl.Series(name, _plain(batch, name))
