"""The most-popular baseline: items by training count, the user's own past left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ranker import scoring

if TYPE_CHECKING:
    from ranker.age import Aged
    from ranker.catalogue import Catalogue

_COLD = -1.0  # below the logarithm of any count


def log_counts(catalogue: Catalogue) -> np.ndarray:
    """Popularity of each candidate: [n + c] float32; cold ones come last."""
    return np.concatenate([np.log(catalogue.counts), np.full(len(catalogue.cold), _COLD)]).astype(np.float32)


def label_ranks(catalogue: Catalogue, labels: tf.Tensor, masked: tf.Tensor, aged: Aged | None = None) -> tf.Tensor:
    """Rank of each row's label were items ranked by training count; of equal counts the lower id comes first.

    Args:
        catalogue: items and counts.
        labels: [B] int64 ids.
        masked: [B, M] int64 ids that are no candidates; a label stays one all the same.
        aged: takes away what isn't published; its gain must be 0.
    Returns: [B] int64, 1 is best; 0 where the label is no candidate.
    """
    popularity = tf.constant(log_counts(catalogue))
    nothing = tf.zeros([popularity.shape[0], 0])
    candidates = scoring.candidates(nothing, tf.zeros_like(popularity), popularity)
    return scoring.label_ranks(scoring.popularity_queries(tf.shape(labels)[0], 0), labels, candidates, masked, aged)
