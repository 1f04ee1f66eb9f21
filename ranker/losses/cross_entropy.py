"""Cross-entropy over the whole catalogue, with label smoothing (Szegedy et al., CVPR 2016, section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ranker.registry import NamedOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.catalogue import Catalogue


class Options(NamedOptions):
    """Knobs of the loss."""

    name: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Annotated[
        float, Field(description="share of the target spread evenly over the catalogue", ge=0.0, lt=1.0)
    ] = 0.1


def build(options: Options, catalogue: Catalogue) -> Callable[..., Any]:
    """The loss, as ranker.losses says: (queries, labels, weights, items, bias, adjust=None) -> weighted sum.

    Of one position with logits z, label y and smoothing s over n items, the cross-entropy against (1 - s) at y plus
    s / n everywhere is logsumexp(z) - (1 - s) z_y - s mean(z), which is the plain one plus s (z_y - mean(z)). The two
    logits of that term come from the queries, since another pass over [N, n] logits would cost a quarter of the step.
    Where logits are adjusted, n are the position's candidates; that pass it takes only where more than a past does it.
    """
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    from ranker.fused_cross_entropy import cross_entropy
    from ranker.layers import lookup
    from ranker.past import Past

    smoothing = options.label_smoothing
    fixed = 0 if catalogue.factors is None else catalogue.factors.shape[1]  # what ranker.long_term puts behind an item
    plain = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=tf.keras.losses.Reduction.SUM)
    task = tfrs.tasks.Ranking(plain, name="cross_entropy")
    task._autocast = False  # under mixed precision a Keras layer would cast logits and weights back to 16 bits

    def margin(queries, labels, items, bias):
        """z_y - mean(z): [N]."""
        items = tf.cast(items, tf.float32)
        above = lookup(items, labels) - tf.reduce_mean(items, 0)
        return tf.reduce_sum(tf.cast(queries, tf.float32) * above, 1) + tf.gather(bias, labels) - tf.reduce_mean(bias)

    def margin_among_candidates(logits, labels):
        """The same from the logits themselves, over those that aren't -inf: [N]."""
        there = logits > -float("inf")
        mean = tf.reduce_sum(tf.where(there, logits, 0.0), 1) / tf.cast(tf.math.count_nonzero(there, 1), tf.float32)
        return tf.gather(logits, labels, batch_dims=1) - mean

    def loss(queries, labels, weights, items, bias, adjust=None):
        if queries.dtype == tf.float32 and (adjust is None or isinstance(adjust, Past)):
            return cross_entropy(queries, labels, weights, tf.cast(items, tf.float32), bias, adjust, smoothing, fixed)
        logits = tf.cast(tf.matmul(queries, tf.cast(items, queries.dtype), transpose_b=True), tf.float32) + bias
        if adjust is not None:
            logits += adjust(None)
        total = task(labels, logits, sample_weight=weights, compute_metrics=False)
        if not smoothing:
            return total
        given = adjust is not None
        above = margin_among_candidates(logits, labels) if given else margin(queries, labels, items, bias)
        return total + smoothing * tf.reduce_sum(weights * above)

    return loss
