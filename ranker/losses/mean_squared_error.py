"""Squared error of the label's score, for a model whose scores are ratings (Salakhutdinov, Mnih, NIPS 2007)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ranker.registry import NamedOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.catalogue import Catalogue


class Options(NamedOptions):
    """Knobs of the loss: none."""

    name: Literal["mean_squared_error"] = "mean_squared_error"


def build(options: Options, catalogue: Catalogue) -> Callable[..., Any]:
    """The loss, as ranker.losses says, with one argument more: `targets` [N] float32, what each label's score is to be.

    Of one position with label y and target t it is (z_y - t)^2. Its mean is least where z_y is the mean of t.
    """
    import tensorflow as tf

    from ranker.layers import lookup

    def loss(queries, labels, weights, items, bias, adjust=None, *, targets):
        own = tf.cast(lookup(items, labels), tf.float32)
        scores = tf.reduce_sum(tf.cast(queries, tf.float32) * own, axis=1)
        scores += lookup(tf.convert_to_tensor(bias)[:, tf.newaxis], labels)[:, 0]
        if adjust is not None:
            scores += adjust(labels[:, tf.newaxis])[:, 0]
        return tf.reduce_sum(weights * tf.square(scores - targets))

    return loss
