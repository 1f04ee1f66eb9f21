"""Cross-entropy over the whole catalogue and its gradient, a few positions at a time.

All logits of a step at once are hundreds of megabytes that a dozen operations read and write, forwards and backwards:
on a CPU that took three times as long as the matrix products. A few positions' logits stay in the processor's cache,
and what they were needed for, the gradient, is taken before they are forgotten. So memory doesn't grow with the number
of positions times the number of items, either. (The idea is that of Wijmans et al., Cut Your Losses in
Large-Vocabulary Language Models, ICLR 2025.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.past import Past

_CACHED = 1 << 21  # bytes of logits at a time: about what one core of common processors has to itself
_CACHED_GPU = 1 << 29  # a GPU would rather have few large products
_FEWEST = 32  # positions at a time: for products of matrices to be worth their name


def cross_entropy(
    queries: tf.Tensor,
    labels: tf.Tensor,
    weights: tf.Tensor,
    items: tf.Tensor,
    bias: tf.Tensor,
    past: Past | None,
    smoothing: float,
) -> tf.Tensor:
    """Weighted sum of the positions' losses, as ranker.losses.cross_entropy defines them; its gradient is at hand.

    Args:
        queries: [N, D] float32.
        labels: [N] int64 columns.
        weights: [N] float32; no gradient flows to them.
        items: [n, D] float32.
        bias: [n] float32.
        past: of the N positions, what is no candidate; None: every item is one.
        smoothing: s.
    Returns: [] float32.
    """

    @tf.custom_gradient
    def both(queries: tf.Tensor, items: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        # A column more, 1 in the queries, so that the biases come with the product.
        wide = tf.pad(queries, [[0, 0], [0, 1]], constant_values=1.0)
        table = tf.concat([items, bias[:, tf.newaxis]], axis=1)
        total, of_wide, of_table = _all_but_labels(wide, weights, table, past, smoothing)
        share = (1.0 - smoothing) * weights[:, tf.newaxis]
        own = tf.gather(table, labels)
        total -= tf.reduce_sum(share * wide * own)
        of_wide -= share * own
        of_table -= tf.math.unsorted_segment_sum(share * wide, labels, tf.shape(table)[0])

        def backward(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return upstream * of_wide[:, :-1], upstream * of_table[:, :-1], upstream * of_table[:, -1]

        return total, backward

    return both(queries, items, bias)


def _all_but_labels(
    wide: tf.Tensor, weights: tf.Tensor, table: tf.Tensor, past: Past | None, smoothing: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Sum of w (logsumexp(z) - s mean(z)), and its gradients: [], like `wide`, like `table`."""
    count, size = tf.shape(wide)[0], tf.shape(table)[0]
    at_once = _at_once(count, size)
    parts = tf.maximum(1, -(-count // at_once))  # of a batch in which nothing counts, too
    missing = parts * at_once - count
    shape = [parts, at_once]
    queries = tf.reshape(tf.pad(wide, [[0, missing], [0, 0]]), [*shape, wide.shape[1]])
    weights, places = (
        tf.reshape(part, [*shape, 1]) for part in (tf.pad(weights, [[0, missing]]), tf.range(parts * at_once))
    )
    masks = None if past is None else past.with_nothing_behind(missing).masks()

    def body(n: tf.Tensor, total: tf.Tensor, of_table: tf.Tensor, of_queries: tf.TensorArray) -> tuple:
        left_out = None if masks is None else masks(places[n, :, 0])
        value, slope = _some(queries[n], weights[n], table, left_out, smoothing)
        of_queries = of_queries.write(n, tf.matmul(slope, table))
        return n + 1, total + value, of_table + tf.matmul(slope, queries[n], transpose_a=True), of_queries

    begin = (tf.constant(0), tf.constant(0.0), tf.zeros_like(table))
    gathered = tf.TensorArray(tf.float32, parts, element_shape=[None, wide.shape[1]])
    _, total, of_table, gathered = tf.while_loop(
        lambda n, *_: n < parts, body, (*begin, gathered), parallel_iterations=1
    )
    return total, tf.reshape(gathered.stack(), [-1, wide.shape[1]])[:count], of_table


def _some(
    wide: tf.Tensor, weights: tf.Tensor, table: tf.Tensor, left_out: tf.Tensor | None, smoothing: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Of a few positions, weights [R, 1], the sum, and its gradient by their logits: [R, n]."""
    logits = tf.matmul(wide, table, transpose_b=True)
    if left_out is not None:
        logits = tf.where(left_out, -float("inf"), logits)
    top = tf.reduce_max(logits, axis=1, keepdims=True)
    shares = tf.exp(logits - top)
    norm = tf.reduce_sum(shares, axis=1, keepdims=True)
    total = tf.reduce_sum(weights * (top + tf.math.log(norm)))
    slope = shares * (weights / norm)
    if not smoothing:
        return total, slope
    size = tf.cast(tf.shape(table)[0], tf.float32)
    if left_out is not None:
        size -= tf.math.count_nonzero(left_out, axis=1, keepdims=True, dtype=tf.float32)
        logits = tf.where(left_out, 0.0, logits)
    each = smoothing * weights / size
    total -= tf.reduce_sum(each * tf.reduce_sum(logits, axis=1, keepdims=True))
    slope -= each
    return total, slope if left_out is None else tf.where(left_out, 0.0, slope)


def _at_once(count: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Positions whose logits are there together."""
    room = _CACHED_GPU if tf.config.list_physical_devices("GPU") else _CACHED
    return tf.maximum(1, tf.minimum(count, tf.maximum(_FEWEST, room // 4 // size)))
