"""The ranking metrics of `ranker.metrics` as Keras 2 metrics over ranks, for validation while training."""

from __future__ import annotations

import tensorflow as tf


class _RankMetric(tf.keras.metrics.Mean):
    """Mean over examples of a gain that depends on the label's rank alone.

    Args:
        k: cutoff, in items, at least 1.
        name: defaults to "<metric>@<k>", so that Keras logs "val_<metric>@<k>".
    Raises: ValueError: k < 1.
    """

    _short = ""

    def __init__(self, k: int, name: str | None = None, dtype: tf.DType | None = None) -> None:
        if k < 1:
            raise ValueError(f"{type(self).__name__} needs k >= 1; got {k}.")
        super().__init__(name=name or f"{self._short}@{k}", dtype=dtype)
        self.k = k

    def _gain(self, rank: tf.Tensor) -> tf.Tensor:
        """Gain of ranks within the cutoff: [n] float32 to [n] float32."""
        raise NotImplementedError

    def update_state(self, ranks: tf.Tensor, sample_weight: tf.Tensor | None = None) -> tf.Operation | None:
        """Takes in a batch.

        Args:
            ranks: [n] int64 (or any integers); 1 is best, 0: no candidate, a miss that counts.
            sample_weight: [n] float32, 0 leaves an example out; None: each counts once.
        """
        ranks = tf.convert_to_tensor(ranks)
        hit = (ranks >= 1) & (ranks <= self.k)
        gain = self._gain(tf.cast(tf.maximum(ranks, 1), tf.float32))
        return super().update_state(tf.where(hit, gain, tf.zeros_like(gain)), sample_weight)

    def get_config(self) -> dict:
        """What `from_config` needs to build the metric again."""
        return {"k": self.k, "name": self.name, "dtype": self.dtype}


class HR(_RankMetric):
    """Mean of `ranker.metrics.hr_at_k`, named "hr@<k>"."""

    _short = "hr"

    def _gain(self, rank: tf.Tensor) -> tf.Tensor:
        return tf.ones_like(rank)


class NDCG(_RankMetric):
    """Mean of `ranker.metrics.ndcg_at_k`, named "ndcg@<k>"."""

    _short = "ndcg"

    def _gain(self, rank: tf.Tensor) -> tf.Tensor:
        return tf.math.log(2.0) / tf.math.log(1.0 + rank)


class MRR(_RankMetric):
    """Mean of `ranker.metrics.mrr_at_k`, named "mrr@<k>"."""

    _short = "mrr"

    def _gain(self, rank: tf.Tensor) -> tf.Tensor:
        return 1.0 / rank
