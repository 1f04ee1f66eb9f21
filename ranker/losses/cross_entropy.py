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

    Of one position with logits z, label y and smoothing s over n items, it is
    logsumexp(z) - (1 - s) z_y - s mean(z): the cross-entropy against (1 - s) at y plus s / n everywhere.
    """
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    smoothing = options.label_smoothing

    class SmoothedCrossEntropy(tf.keras.losses.Loss):
        def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
            plain = tf.nn.sparse_softmax_cross_entropy_with_logits(y_true, y_pred)
            if not smoothing:
                return plain
            even = tf.reduce_logsumexp(y_pred, -1) - tf.reduce_mean(y_pred, -1)
            return (1.0 - smoothing) * plain + smoothing * even

    task = tfrs.tasks.Ranking(SmoothedCrossEntropy(reduction=tf.keras.losses.Reduction.SUM), name="cross_entropy")
    task._autocast = False  # under mixed precision a Keras layer would cast logits and weights back to 16 bits

    def loss(queries, labels, weights, items, bias):
        logits = tf.cast(tf.matmul(queries, tf.cast(items, queries.dtype), transpose_b=True), tf.float32) + bias
        return task(labels, logits, sample_weight=weights, compute_metrics=False)

    return loss
