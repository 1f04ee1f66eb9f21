"""Losses of a position's label against items drawn from the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

from ranker import registry
from ranker.layers import lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.catalogue import Catalogue
    from ranker.registry import NamedOptions
    from ranker.sampling import Sampler

    Adjust = Callable[[tf.Tensor | None], tf.Tensor]

_LOW = -1e30  # whose exponential beside any score is 0; the gradient of an infinite one would be none


class Logits(NamedTuple):
    """Scores of N positions.

    own: [N] float32, of the label. others: [N, S] float32, of the drawn items; 0 where one is no candidate.
    candidates: [N, S] bool. negatives: [N, S] bool, the candidates that aren't the position's own label: what isn't
    counts as not drawn. columns: [S] int64, which items were drawn.
    """

    own: tf.Tensor
    others: tf.Tensor
    candidates: tf.Tensor
    negatives: tf.Tensor
    columns: tf.Tensor

    def sum_over_negatives(self, values: tf.Tensor) -> tf.Tensor:
        """values: [N, S] float32, finite -> [N]."""
        return tf.reduce_sum(tf.where(self.negatives, values, 0.0), axis=1)

    def number_of_negatives(self) -> tf.Tensor:
        """[N] float32."""
        return tf.cast(tf.math.count_nonzero(self.negatives, axis=1), tf.float32)

    def softmax_of_negatives(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Logarithms, very low ones beside the negatives, and shares, 0 there: two [N, S] float32.

        Without any negative, logarithms are finite and mean nothing.
        """
        logs = tf.nn.log_softmax(tf.where(self.negatives, self.others, _LOW), axis=1)
        return logs, tf.where(self.negatives, tf.exp(logs), 0.0)


class SampledLoss(tf.keras.layers.Layer):
    """The weighted sum of what a function makes of each position's logits.

    Gradients of the items are dense, [n, D], as Adam's step is: it moves every item's moments in every step.

    Args:
        of_positions: Logits -> [N] float32.
        sampler: draws the negatives.
        name: the loss's.
    """

    def __init__(self, of_positions: Callable[[Logits], tf.Tensor], sampler: Sampler, name: str) -> None:
        super().__init__(name=name, dtype=tf.float32, autocast=False)
        self.of_positions, self.sampler = of_positions, sampler

    def call(
        self,
        queries: tf.Tensor,
        labels: tf.Tensor,
        weights: tf.Tensor,
        items: tf.Tensor,
        bias: tf.Tensor,
        adjust: Adjust | None = None,
    ) -> tf.Tensor:
        """Args and result: as ranker.losses says."""
        columns = self.sampler.columns(labels, weights)
        return tf.reduce_sum(weights * self.of_positions(logits(columns, queries, labels, items, bias, adjust)))


class SampledSoftmax(SampledLoss):
    """-log(exp z_y / Z) of each position, where Z, the sum over the catalogue, is estimated from S drawn items.

    With items i_1 to i_S, of which item i is expected e_i times, Z is estimated by

        exp z_y + sum over k with i_k != y of exp(z_{i_k} - log e_{i_k})

    whose expectation is Z. (Bengio, Senecal, IEEE Transactions on Neural Networks 19(4), 2008, for the estimate; Yi et
    al., RecSys 2019, for the correction of logits in recommenders.) A catalogue of at most S items is taken whole, and
    the loss is exact.

    Label smoothing s adds s (z_y - mean(z)), as in ranker.losses.cross_entropy. The mean is that of the catalogue;
    where logits are adjusted, it is estimated from the drawn items that are candidates, each weighed by 1 / e_i.

    tfrs' SamplingProbablityCorrection cuts at 10^-6 and 1, which e_i passes on either side.

    Args:
        sampler: draws the items, and knows e_i.
        smoothing: s.
    """

    def __init__(self, sampler: Sampler, smoothing: float) -> None:
        super().__init__(self._log_ratio, sampler, "sampled_softmax")
        self.smoothing = smoothing

    def call(
        self,
        queries: tf.Tensor,
        labels: tf.Tensor,
        weights: tf.Tensor,
        items: tf.Tensor,
        bias: tf.Tensor,
        adjust: Adjust | None = None,
    ) -> tf.Tensor:
        """Args and result: as ranker.losses says."""
        columns = self.sampler.columns(labels, weights)
        found = logits(columns, queries, labels, items, bias, adjust)
        losses = self._log_ratio(found)
        if self.smoothing:
            mean = _mean(queries, items, bias) if adjust is None else self._mean_of_candidates(found)
            losses += self.smoothing * (found.own - mean)
        return tf.reduce_sum(weights * losses)

    def _log_ratio(self, found: Logits) -> tf.Tensor:
        """log Z - z_y: [N]."""
        corrected = found.others - tf.gather(self.sampler.log_expected, found.columns)
        corrected = tf.where(found.negatives, corrected, -float("inf"))
        return tf.reduce_logsumexp(tf.concat([found.own[:, tf.newaxis], corrected], axis=1), axis=1) - found.own

    def _mean_of_candidates(self, found: Logits) -> tf.Tensor:
        """[N]."""
        share = tf.exp(-tf.gather(self.sampler.log_expected, found.columns))
        share = tf.where(found.candidates, share, 0.0)
        return tf.math.divide_no_nan(tf.reduce_sum(share * found.others, axis=1), tf.reduce_sum(share, axis=1))


def logits(
    columns: tf.Tensor, queries: tf.Tensor, labels: tf.Tensor, items: tf.Tensor, bias: tf.Tensor, adjust: Adjust | None
) -> Logits:
    """Scores of the labels and of the drawn columns ([S] int64); the other arguments are those of ranker.losses."""
    both = tf.concat([labels, columns], axis=0)
    sizes = [tf.size(labels), tf.size(columns)]
    own, others = tf.split(lookup(items, both), sizes)
    own_bias, others_bias = tf.split(lookup(tf.convert_to_tensor(bias)[:, tf.newaxis], both)[:, 0], sizes)
    of_labels = tf.reduce_sum(tf.cast(queries, tf.float32) * tf.cast(own, tf.float32), axis=1) + own_bias
    of_others = tf.matmul(queries, tf.cast(others, queries.dtype), transpose_b=True)
    of_others = tf.cast(of_others, tf.float32) + others_bias
    if adjust is not None:
        of_labels += adjust(labels[:, tf.newaxis])[:, 0]
        of_others += adjust(columns)
    candidates = of_others > -float("inf")
    negatives = candidates & (labels[:, tf.newaxis] != columns)
    return Logits(of_labels, tf.where(candidates, of_others, 0.0), candidates, negatives, columns)


def sampler_of(options: NamedOptions, catalogue: Catalogue) -> Sampler:
    """The sampler that the options of a file of ranker.negatives stand for."""
    return registry.load("negatives", options.name).build(options, catalogue)


def _mean(queries: tf.Tensor, items: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Mean logit of the whole catalogue: [N]."""
    mean = tf.reduce_mean(tf.cast(items, tf.float32), axis=0)
    return tf.linalg.matvec(tf.cast(queries, tf.float32), mean) + tf.reduce_mean(bias)
