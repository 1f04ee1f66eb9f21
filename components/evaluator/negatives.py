"""Items that are drawn for a label by a hash: the same ones on every machine, and for every model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa

from components.evaluator import columns
from schemas import features
from schemas.hashing import combine, stable_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE: Final = -1
_SEED: Final = 37
_SPARE: Final = 2  # draws for each that is wanted: what the user has seen is passed over
_FEW: Final = 8  # and so many more


class Negatives:
    """Draws items with replacement.

    Args:
        items: [n] str.
        shares: [n] float64, above 0, of any sum: how often each item is drawn.
        mask_seen: items of the past are no candidates, and never drawn.
    """

    def __init__(self, items: pl.Series, shares: np.ndarray, *, mask_seen: bool) -> None:
        self.items = items
        self._codes = pl.DataFrame({"item": items.cast(pl.String), "code": np.arange(len(items), dtype=np.int64)})
        self._bounds = np.cumsum(shares / np.sum(shares))[:-1]
        self._left_out = (features.LABEL, features.HISTORY, features.SEEN) if mask_seen else (features.LABEL,)

    def codes(self, items: Sequence[str] | pl.Series) -> np.ndarray:
        """Numbers of items, NONE for one that is never drawn: [m] int64."""
        wanted = pl.DataFrame({"item": pl.Series(items, dtype=pl.String)})
        found = wanted.join(self._codes, on="item", how="left", maintain_order="left")["code"]
        return found.fill_null(NONE).to_numpy()

    def draw(self, split: str, read: pa.RecordBatch, count: int) -> np.ndarray:
        """Draws for each row.

        Args:
            split: goes into the hash, beside user, label and time.
            read: serialised sequences as schemas.records.from_examples reads them.
            count: items a row.
        Returns: [rows, count] int64, numbers of `items`, the label never among them nor, where it is masked, the
            user's past; NONE at the end where too few others were drawn.
        """
        drawn = np.searchsorted(self._bounds, _uniform(split, read, count * _SPARE + _FEW), side="right")
        usable = ~np.isin(self._keys(np.arange(len(read))[:, None], drawn), self._taken(read))
        first = np.argsort(~usable, axis=1, kind="stable")[:, :count]
        return np.where(
            np.take_along_axis(usable, first, axis=1), np.take_along_axis(drawn, first, axis=1), NONE
        ).astype(np.int64)

    def _taken(self, read: pa.RecordBatch) -> np.ndarray:
        """Keys of the items that each row must not be given."""
        parts = [columns.values(read, name) for name in self._left_out]
        rows = np.concatenate([row for row, _ in parts])
        codes = self.codes(pl.concat([items for _, items in parts]))
        return self._keys(rows, codes)[codes != NONE]

    def _keys(self, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        return rows * len(self.items) + codes


def _uniform(split: str, read: pa.RecordBatch, number: int) -> np.ndarray:
    """Numbers in [0, 1): [rows, number] float64."""
    times = columns.one(read, features.LABEL_TIMESTAMP, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    texts = [pa.array([split] * len(read), pa.string())]
    texts += [columns.text(read, name) for name in (features.USER_ID, features.LABEL)]
    row = combine([*(stable_hash(column, _SEED) for column in texts), times.astype(np.uint64)])
    hashes = combine([np.repeat(row, number), np.tile(np.arange(number, dtype=np.uint64), len(read))])
    return (hashes >> np.uint64(11)).reshape(len(read), number) * 2.0**-53
