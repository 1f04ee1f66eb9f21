"""Items drawn from the catalogue, and the loss against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ranker.dropout import Uniform
from ranker.layers import lookup

if TYPE_CHECKING:
    from collections.abc import Callable


class SampledSoftmax(tf.keras.layers.Layer):
    """-log(exp z_y / Z) of each position, where Z, the sum over the catalogue, is estimated from S drawn items.

    With drawing probabilities q and drawn items i_1 to i_S, Z is estimated by

        exp z_y + sum over k with i_k != y of exp(z_{i_k} - log(S q_{i_k}))

    whose expectation is Z, since item i comes S q_i times on average. (Bengio, Senecal, IEEE Transactions on Neural
    Networks 19(4), 2008, for the estimate; Yi et al., RecSys 2019, for the correction of logits in recommenders.) One
    item is drawn from each of S equal parts of [0, 1), which keeps that expectation and is less noisy. A catalogue of
    at most S items is taken whole, once each, and the loss is exact.

    Label smoothing s adds s (z_y - mean(z)), as in ranker.losses.cross_entropy. The mean is that of the catalogue;
    where logits are adjusted, it is estimated from the drawn items that are candidates, each weighed by 1 / q_i.

    TensorFlow's candidate samplers keep their state in the kernel, where no checkpoint can reach it; here it is a
    weight. tfrs' SamplingProbablityCorrection cuts at 10^-6 and 1, which S q_i passes on either side.

    Gradients of the items are dense, [n, D], as Adam's step is: it moves every item's moments in every step.

    Args:
        counts: [n] int64, interactions of each item in the training split.
        negatives: S.
        popularity: q is in proportion to counts to the power of this.
        smoothing: s.
    """

    def __init__(self, counts: np.ndarray, negatives: int, popularity: float, smoothing: float) -> None:
        super().__init__(name="sampled_softmax", dtype=tf.float32, autocast=False)
        self.smoothing = smoothing
        self.drawn = negatives if negatives < len(counts) else None
        share = np.asarray(counts, np.float64) ** popularity
        share /= share.sum()
        self.upto = tf.constant(np.cumsum(share)[:-1], tf.float64)  # what is above the last belongs to the last item
        self.log_expected = tf.constant(np.log(share * negatives) if self.drawn else np.zeros(len(share)), tf.float32)
        self.uniform = Uniform(name="draws")

    def call(
        self,
        queries: tf.Tensor,
        labels: tf.Tensor,
        weights: tf.Tensor,
        items: tf.Tensor,
        bias: tf.Tensor,
        adjust: Callable[[tf.Tensor | None], tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """Args and result: as ranker.losses says."""
        columns = self._columns()
        both = tf.concat([labels, columns], axis=0)
        rows, biases = lookup(items, both), lookup(tf.convert_to_tensor(bias)[:, tf.newaxis], both)[:, 0]
        own, others = tf.split(rows, [tf.size(labels), tf.size(columns)])
        own_bias, others_bias = tf.split(biases, [tf.size(labels), tf.size(columns)])
        label_logits = tf.reduce_sum(tf.cast(queries, tf.float32) * tf.cast(own, tf.float32), axis=1) + own_bias
        logits = tf.matmul(queries, tf.cast(others, queries.dtype), transpose_b=True)
        logits = tf.cast(logits, tf.float32) + others_bias
        if adjust is not None:
            label_logits += adjust(labels[:, tf.newaxis])[:, 0]
            logits += adjust(columns)
        losses = self._log_total(label_logits, logits, labels, columns) - label_logits
        if self.smoothing:
            given = adjust is not None
            mean = self._mean_of_candidates(logits, columns) if given else _mean(queries, items, bias)
            losses += self.smoothing * (label_logits - mean)
        return tf.reduce_sum(weights * losses)

    def _log_total(self, own: tf.Tensor, logits: tf.Tensor, labels: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        """log Z: [N]."""
        corrected = logits - tf.gather(self.log_expected, columns)
        corrected = tf.where(labels[:, tf.newaxis] == columns, -float("inf"), corrected)
        return tf.reduce_logsumexp(tf.concat([own[:, tf.newaxis], corrected], axis=1), axis=1)

    def _mean_of_candidates(self, logits: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        """[N], over the drawn items that aren't at -inf."""
        there = logits > -float("inf")
        share = tf.where(there, tf.exp(-tf.gather(self.log_expected, columns)), 0.0)
        total = tf.reduce_sum(share * tf.where(there, logits, 0.0), axis=1)
        return tf.math.divide_no_nan(total, tf.reduce_sum(share, axis=1))

    def _columns(self) -> tf.Tensor:
        """[S] int64, others at every call, or every item once."""
        if self.drawn is None:
            return tf.range(self.log_expected.shape[0], dtype=tf.int64)
        at = (tf.range(self.drawn, dtype=tf.float64) + self.uniform.draw(self.drawn)) / self.drawn
        return tf.searchsorted(self.upto, at, side="right", out_type=tf.int64)


def _mean(queries: tf.Tensor, items: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Mean logit of the whole catalogue: [N]."""
    mean = tf.reduce_mean(tf.cast(items, tf.float32), axis=0)
    return tf.linalg.matvec(tf.cast(queries, tf.float32), mean) + tf.reduce_mean(bias)
