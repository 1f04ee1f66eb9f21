"""The user's own latest items first, then the most popular ones: what a model must beat where people come back."""

from __future__ import annotations

import numpy as np
import polars as pl

_ROW, _ITEM, _AT, _LINE = "row", "item", "at", "line"
_LABEL, _LABEL_AT, _LABEL_LINE = "label", "label_at", "label_line"


def label_ranks(
    histories: pl.Series, labels: pl.Series, popularity_ranks: np.ndarray, counted: pl.Series
) -> np.ndarray:
    """Rank of each label were the history's distinct items put first, latest first, and the others by popularity.

    A label of the history stands behind the items that came after its last event. Any other label keeps its place
    among the popular items, but for those of the history that are less popular and now stand before it:

        history a b a, labels b and c, popularity a c b d: the order is a b c d, so b has rank 2 and c rank 2 + 1.

    Items of the history that training never saw stand before it, too: this needs no training.

    Args:
        histories: [n] list of str, oldest first.
        labels: [n] str.
        popularity_ranks: [n] int64, where nothing is masked; 0: the label is no candidate.
        counted: [m] str, the items of training, most frequent first.
    Returns: [n] int64, 1 is best; 0 where the label is no candidate and not in the history.
    """
    rows = pl.DataFrame({_ROW: np.arange(len(labels)), _LABEL: labels, _ITEM: histories})
    lines = pl.DataFrame({_ITEM: counted, _LINE: np.arange(len(counted))})
    past = rows.explode(_ITEM).drop_nulls(_ITEM).with_columns(pl.int_range(pl.len()).alias(_AT))
    last = past.group_by(_ROW, _LABEL, _ITEM).agg(pl.col(_AT).max())
    last = last.join(lines, on=_ITEM, how="left").join(
        lines.rename({_ITEM: _LABEL, _LINE: _LABEL_LINE}), on=_LABEL, how="left"
    )
    unseen = len(counted)  # the line after all others
    found = last.group_by(_ROW).agg(
        later=(pl.col(_AT) > pl.col(_AT).filter(pl.col(_ITEM) == pl.col(_LABEL)).max()).sum(),
        repeats=(pl.col(_ITEM) == pl.col(_LABEL)).any(),
        behind=(pl.col(_LINE).fill_null(unseen) > pl.col(_LABEL_LINE).fill_null(unseen)).sum(),
    )
    ranks = popularity_ranks.astype(np.int64)
    row, repeats = found[_ROW].to_numpy(), found["repeats"].to_numpy()
    popular = ranks[row]
    other = np.where(popular > 0, popular + found["behind"].to_numpy(), 0)
    ranks[row] = np.where(repeats, 1 + found["later"].to_numpy(), other)
    return ranks
