"""What a head's pairs are: which items are scored beside a history, and what their scores are held against."""

from __future__ import annotations

import abc
import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from components.evaluator import columns, item_ratings, per_user
from components.evaluator.negatives import NONE, Negatives
from ranker import registry
from ranker.catalogue import Catalogue
from schemas import features, records

if TYPE_CHECKING:
    from collections.abc import Callable

    # Items [n, C] of str, "" where there is none -> scores [n, C] of the candidate, and of the latest blessed model or
    # None; NaN where a model doesn't know the item.
    Score = Callable[[np.ndarray], list[np.ndarray]]

_COPIED = (features.HISTORY_LENGTH, features.LABEL_POPULARITY)


class Scored(NamedTuple):
    """Items beside each row of a batch, and everything that is said of them: all [n, C]; a weight of 0: no pair."""

    items: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    scores: list[np.ndarray]
    by_item: np.ndarray
    constant: float


class Pairs(abc.ABC):
    """Makes the rows of schemas.records.PAIRS of a batch of sequences."""

    @abc.abstractmethod
    def setup(self, knows: Callable[[pl.Series], np.ndarray]) -> None:
        """Called once in each process.

        Args:
            knows: [n] items -> [n] bool, whether the candidate model can score them.
        """

    @abc.abstractmethod
    def score(self, split: str, read: pa.RecordBatch, score: Score) -> Scored:
        """Chooses items, has them scored, and lays what is true beside it."""

    def table(self, split: str, read: pa.RecordBatch, score: Score) -> pa.Table:
        """Rows of schemas.records.PAIRS; only of items that the candidate knows."""
        found = self.score(split, read, score)
        candidate, *others = found.scores
        row, at = np.nonzero((found.weights > 0) & np.isfinite(candidate))
        known = [np.where(np.isfinite(scores), scores, found.by_item) for scores in others]
        numbers = {
            "target": found.targets,
            "weight": found.weights,
            "candidate": candidate,
            "by_item": found.by_item,
            "constant": np.full(candidate.shape, found.constant),
            "baseline": known[0] if known else None,
        }
        made = {
            **_of_rows(read, row),
            "split": pa.array([split] * len(row), pa.string()),
            "item": pa.array(found.items[row, at].tolist(), pa.string()),
            **{
                name: pa.nulls(len(row), pa.float64()) if values is None else pa.array(values[row, at], pa.float64())
                for name, values in numbers.items()
            },
        }
        return pa.Table.from_arrays([made[name] for name in records.PAIRS.names], schema=records.PAIRS)


def _of_rows(read: pa.RecordBatch, rows: np.ndarray) -> dict[str, pa.Array]:
    """What each pair has of its sequence."""
    made = {name: columns.text(read, name) for name in (features.USER_ID, features.LABEL, *_COPIED)}
    made |= {name: columns.one(read, name, pa.int64()) for name in (features.LABEL_TIMESTAMP, features.LABEL_REPEATS)}
    return {name: column.take(pa.array(rows)) for name, column in made.items()}


class Pointwise(Pairs):
    """The label, and items drawn as the loss draws them, which weigh its ratio together.

    Labels that training never saw make no pairs: how often they would be drawn is not known. The popularity of an item
    says it is the label with probability p / (p + r q), p its share of the training interactions, q of the draws, r
    the ratio; whoever knows nothing says 1 / (1 + r).

    Args:
        item_counts: Parquet file of schemas.records.ITEM_COUNTS.
        loss: JSON of the options of ranker.losses.binary_cross_entropy, which the model was trained by.
        count: items drawn a label.
        mask_seen: items of the past are no candidates.
    """

    def __init__(self, item_counts: str, loss: str, count: int, *, mask_seen: bool) -> None:
        self._path, self._loss, self._count, self._mask_seen = item_counts, loss, count, mask_seen

    def setup(self, knows: Callable[[pl.Series], np.ndarray]) -> None:
        counted = per_user.read_item_counts(self._path)
        counted = counted.filter(pl.Series(knows(counted["item_id"]), dtype=pl.Boolean))
        items, counts = counted["item_id"], counted["count"].to_numpy()
        options = registry.options("losses", json.loads(self._loss))
        shares = _expected(options.negatives, items, counts)  # type: ignore[attr-defined]
        self._ratio = float(options.ratio)  # type: ignore[attr-defined]
        self._negatives = Negatives(items, shares, mask_seen=self._mask_seen)
        popular, drawn = counts / counts.sum(), shares / shares.sum()
        self._by_item = np.append(popular / (popular + self._ratio * drawn), np.nan)  # the last stands for NONE

    def score(self, split: str, read: pa.RecordBatch, score: Score) -> Scored:
        labels = self._negatives.codes(pl.Series(pl.from_arrow(columns.text(read, features.LABEL))))
        codes = np.column_stack([labels, self._negatives.draw(split, read, self._count)])
        there = codes != NONE
        there &= there[:, :1] & there[:, 1:].any(axis=1, keepdims=True)
        items = np.append(self._negatives.items.to_numpy(), "").astype(object)[np.where(there, codes, NONE)]
        targets = np.zeros(codes.shape)
        targets[:, 0] = 1.0
        others = np.maximum(there[:, 1:].sum(axis=1, keepdims=True), 1)
        weights = there * np.where(targets > 0, 1.0, self._ratio / others)
        return Scored(items, targets, weights, score(items), self._by_item[codes], 1.0 / (1.0 + self._ratio))


class Rating(Pairs):
    """The label alone, where somebody rated it, beside the mean rating of its item and of all.

    Args:
        ratings: Parquet file of components.evaluator.item_ratings.
        shrinkage: of the head: ratings that count as much as the mean of all in an item's own mean.
    """

    def __init__(self, ratings: str, shrinkage: float) -> None:
        self._path, self._shrinkage = ratings, shrinkage

    def setup(self, knows: Callable[[pl.Series], np.ndarray]) -> None:
        self._means, self._mean = item_ratings.means(self._path, self._shrinkage)

    def score(self, split: str, read: pa.RecordBatch, score: Score) -> Scored:
        given = columns.one(read, features.LABEL_RATING, pa.float64()).to_numpy(zero_copy_only=False)[:, None]
        labels = columns.text(read, features.LABEL)
        wanted = pl.DataFrame({"item_id": pl.Series(pl.from_arrow(labels)).cast(pl.String)})
        found = wanted.join(self._means, on="item_id", how="left", maintain_order="left")["mean"]
        by_item = found.fill_null(self._mean).to_numpy()[:, None]
        items = np.array(labels.to_pylist(), dtype=object)[:, None]
        weights = np.isfinite(given).astype(np.float64)
        return Scored(items, given, weights, score(items), by_item, self._mean)


def _expected(options: registry.NamedOptions, items: pl.Series, counts: np.ndarray) -> np.ndarray:
    """How often each item is among the drawn ones: [n] float64."""
    catalogue = Catalogue(items.to_numpy(), counts, users=0, gaps=0, window=1, mask_seen=False)
    return registry.load("negatives", options.name).build(options, catalogue).expected
