"""What the items table says of every candidate, as numbers.

Only items of the vocabulary, which are those of training, decide which values there are and what is a usual number:
what is peculiar to items that training never saw must not shape the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ranker.catalogue import Categories, ItemFeatures
from schemas import features as f

if TYPE_CHECKING:
    import pyarrow as pa

MOST_VALUES: Final = 20_000  # of a column that get an id, those of most items first; an embedding of 64: 5 MB
MOST_PER_ITEM: Final = 16  # values of an item that count, in each column the first ones

_ROW = "row"  # of the result
_VALUE = "value"
_ID = "id"


def item_features(table: pl.DataFrame | pa.Table, items: np.ndarray, *, cold: bool = True) -> ItemFeatures:
    """Brings the items table into the vocabulary's order, cold candidates behind.

    A column of categories or words becomes ids by the values that the vocabulary's items have. Of an item's values,
    those without an id are left out, but where none has one, the item gets UNKNOWN. A number becomes
    (g(x) - mean) / deviation over the vocabulary's items that have one, where g(x) = log(1 + max(x, 0)) if none of
    theirs is negative (prices and counts, which differ by factors), else x.

    Args:
        table: item_id, published and feature_* where there are any, each a list, as TableExampleGen leaves them. Of
            several rows of one item the first counts.
        items: [n] str, the vocabulary in its order. An item without a row has no category, and its numbers are NaN.
        cold: whether items that aren't in the vocabulary are candidates; otherwise their rows are passed over.
    Returns: features of n + c items, under the names of their columns without the prefix `feature_`.
    """
    frame = table if isinstance(table, pl.DataFrame) else _frame(table)
    rows, names = _rows(frame.with_columns(pl.col(f.ITEM_ID).list.first()), items, cold=cold)
    total, known = len(items) + len(names), len(items)
    categories, numbers = {}, {}
    for column in (name for name in rows.columns if name.startswith(f.FEATURE_PREFIX)):
        name, values = column.removeprefix(f.FEATURE_PREFIX), rows.select(_ROW, pl.col(column).alias(_VALUE))
        if values.schema[_VALUE] == pl.List(pl.String):
            categories[name] = _categories(values, known, total)
        else:
            numbers[name] = _numbers(values, known, total)
    return ItemFeatures(cold=names, categories=categories, numbers=numbers, published=_published(rows, total))


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # of a table
    return frame


def _rows(table: pl.DataFrame, items: np.ndarray, *, cold: bool) -> tuple[pl.DataFrame, np.ndarray]:
    """The table with the row of the result that each of its rows fills, and the cold items' names in order."""
    order = pl.DataFrame({f.ITEM_ID: pl.Series(list(items), dtype=pl.String)}).with_row_index(_ROW)
    once = table.drop_nulls(f.ITEM_ID).unique(f.ITEM_ID, keep="first", maintain_order=True)
    placed = once.join(order, on=f.ITEM_ID, how="left", maintain_order="left")
    known = placed.drop_nulls(_ROW)
    if not cold:
        return known, np.empty(0, object)
    others = placed.filter(pl.col(_ROW).is_null()).sort(f.ITEM_ID)  # Polars compares bytes
    numbers = len(items) + np.arange(others.height)
    others = others.with_columns(pl.Series(_ROW, numbers).cast(known.schema[_ROW]))
    return pl.concat([known, others]), others[f.ITEM_ID].to_numpy()


def _published(rows: pl.DataFrame, total: int) -> np.ndarray | None:
    """[total] int64, 0 where it is unknown; None without the column."""
    if f.PUBLISHED not in rows.columns:
        return None
    published = np.zeros(total, np.int64)
    published[rows[_ROW].to_numpy()] = rows[f.PUBLISHED].list.first().fill_null(0).to_numpy()
    return published


def _categories(values: pl.DataFrame, known: int, total: int) -> Categories:
    """Ids of a column's values: `values` has one list a row."""
    each = values.explode(_VALUE).drop_nulls()
    count = each.filter(pl.col(_ROW) < known).unique([_ROW, _VALUE]).group_by(_VALUE).len()
    vocabulary = count.sort(["len", _VALUE], descending=[True, False]).head(MOST_VALUES)
    vocabulary = vocabulary.select(_VALUE).with_row_index(_ID, offset=f.FIRST_ITEM)
    each = each.join(vocabulary, on=_VALUE, how="left", maintain_order="left")
    found = each.drop_nulls(_ID).unique([_ROW, _ID], keep="first", maintain_order=True)
    row, column, value = _places(found[_ROW].to_numpy(), found[_ID].to_numpy())
    ids = np.full((total, 1 + column.max(initial=0)), f.PADDING, np.int32)
    ids[each[_ROW].to_numpy(), 0] = f.UNKNOWN  # where none has an id, that stays
    ids[row, column] = value
    return Categories(ids=ids, size=vocabulary.height + f.FIRST_ITEM, values=vocabulary[_VALUE].to_numpy())


def _places(row: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and values of the first MOST_PER_ITEM values of each row; a row's values lie side by side."""
    begins = np.flatnonzero(np.diff(row, prepend=-1) != 0)
    column = np.arange(len(row)) - np.repeat(begins, np.diff(begins, append=len(row)))
    kept = column < MOST_PER_ITEM
    return row[kept], column[kept], value[kept]


def _numbers(values: pl.DataFrame, known: int, total: int) -> np.ndarray:
    """[total] float32, NaN where there is none: `values` has one list a row."""
    numbers = np.full(total, np.nan)
    numbers[values[_ROW].to_numpy()] = values[_VALUE].list.first().cast(pl.Float64).to_numpy()
    numbers[np.isinf(numbers)] = np.nan
    usual = numbers[:known][~np.isnan(numbers[:known])]
    if not len(usual):
        return np.where(np.isnan(numbers), np.nan, 0.0).astype(np.float32)
    if usual.min() >= 0.0:
        numbers, usual = np.log1p(np.maximum(numbers, 0.0)), np.log1p(usual)
    deviation = usual.std()
    return ((numbers - usual.mean()) / (deviation if deviation > 0.0 else np.inf)).astype(np.float32)
