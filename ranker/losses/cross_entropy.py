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
    """The loss, as ranker.losses says: (queries, labels, weights, items, bias) -> weighted sum.

    Of one position with logits z, label y and smoothing s over n items, the cross-entropy against (1 - s) at y plus
    s / n everywhere is logsumexp(z) - (1 - s) z_y - s mean(z), which is the plain one plus s (z_y - mean(z)). The two
    logits of that term come from the queries, since another pass over [N, n] logits would cost a quarter of the step.
    """
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    from ranker.layers import lookup

    smoothing = options.label_smoothing
    plain = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=tf.keras.losses.Reduction.SUM)
    task = tfrs.tasks.Ranking(plain, name="cross_entropy")
    task._autocast = False  # under mixed precision a Keras layer would cast logits and weights back to 16 bits

    def loss(queries, labels, weights, items, bias):
        logits = tf.cast(tf.matmul(queries, tf.cast(items, queries.dtype), transpose_b=True), tf.float32) + bias
        total = task(labels, logits, sample_weight=weights, compute_metrics=False)
        if not smoothing:
            return total
        items = tf.cast(items, tf.float32)
        above = lookup(items, labels) - tf.reduce_mean(items, 0)
        margin = tf.reduce_sum(tf.cast(queries, tf.float32) * above, 1) + tf.gather(bias, labels) - tf.reduce_mean(bias)
        return total + smoothing * tf.reduce_sum(weights * margin)

    return loss
