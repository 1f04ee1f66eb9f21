"""The most-popular baseline: items by training count, the user's own past left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from ranker import scoring

if TYPE_CHECKING:
    from ranker.catalogue import Catalogue


def label_ranks(catalogue: Catalogue, labels: tf.Tensor, masked: tf.Tensor) -> tf.Tensor:
    """Rank of each row's label were items ranked by training count; of equal counts the lower id comes first.

    Args:
        catalogue: items and counts.
        labels: [B] int64 ids.
        masked: [B, M] int64 ids that are no candidates; a label stays one all the same.
    Returns: [B] int64, 1 is best; 0 where training never saw the label.
    """
    counts = tf.constant(catalogue.counts, tf.float32)
    nothing = tf.zeros([len(catalogue.items), 0])
    candidates = scoring.candidates(nothing, tf.zeros_like(counts), tf.math.log(counts))
    return scoring.label_ranks(scoring.popularity_queries(tf.shape(labels)[0], 0), labels, candidates, masked)
