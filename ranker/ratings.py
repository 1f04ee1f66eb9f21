"""What the ratings of the training labels say of the whole and of each item."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.dataset import training_data
from schemas import features as f
from schemas.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_READ_AT_ONCE = 1024  # rows


@dataclasses.dataclass(frozen=True)
class Ratings:
    """Ratings of the labels that count in training, each as often as its weight says.

    Args:
        mean, lowest, highest: of all.
        deviations: [n] float64, by item of the vocabulary: sum of its ratings less the mean.
        weights: [n] float64, how many it has; 0: none.
    """

    mean: float
    lowest: float
    highest: float
    deviations: np.ndarray
    weights: np.ndarray

    def of_items(self, shrinkage: float) -> np.ndarray:
        """Each item's mean less that of all, as if it had `shrinkage` ratings more, all of them the mean: [n] float64.

        (Koren, Bell, Recommender Systems Handbook, 2011, section 5.2.1, "baseline predictors".)
        """
        counted = self.weights + shrinkage
        return np.divide(self.deviations, counted, out=np.zeros_like(self.deviations), where=counted > 0)


def read(files: Sequence[str], feature_spec: Mapping[str, Any], *, window: int, items: int) -> Ratings:
    """Reads the training split's ratings.

    Args:
        files, feature_spec, window: as for ranker.dataset.training_data.
        items: n, the vocabulary's size.
    Raises: ModelError: no label that counts has a rating.
    """
    if f.LABEL_RATING not in feature_spec:
        raise _none("The sequences have no label_rating.")
    columns, ratings, weights = _labels(files, feature_spec, window)
    total = weights.sum()
    if not total:
        raise _none(f"None of the labels that count has a finite one; there are {len(weights):,}.")
    mean = float(ratings @ weights / total)
    counted = ratings[weights > 0]
    return Ratings(
        mean=mean,
        lowest=float(counted.min()),
        highest=float(counted.max()),
        deviations=np.bincount(columns, weights * (ratings - mean), items),
        weights=np.bincount(columns, weights, items),
    )


def _labels(
    files: Sequence[str], feature_spec: Mapping[str, Any], window: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns [m] int64, ratings [m] and weights [m] float64 of the labels that count; a weight of 0: no rating."""
    data = training_data(files, feature_spec, batch_size=_READ_AT_ONCE, window=window, seed=0)
    parts = []
    for batch in data.batches(0, 1).as_numpy_iterator():
        counts = batch[f.WEIGHT] > 0
        parts.append([batch[name][counts] for name in (f.LABEL, f.LABEL_RATING, f.WEIGHT)])
    labels, ratings, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    known = np.isfinite(ratings)
    return labels - f.FIRST_ITEM, np.where(known, ratings, 0.0).astype(np.float64), weights * known.astype(np.float64)


def _none(why: str) -> ModelError:
    return ModelError(
        "There is no rating to learn from in the training split.",
        why=why,
        next_step="name the log's column in example_gen.columns.rating, or choose another trainer.model.head",
    )
