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

from ranker.layers import lookup
from ranker.slices import threads_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.past import Past

_CACHED = 1 << 21  # bytes of logits at a time and core: about what one of common processors has to itself
_CACHED_GPU = 1 << 29  # a GPU would rather have few large products
_LANES = 8  # a product of another number of columns took a quarter longer
_FEWEST = 32  # positions at a time: for products of matrices to be worth their name


def cross_entropy(
    queries: tf.Tensor,
    labels: tf.Tensor,
    weights: tf.Tensor,
    items: tf.Tensor,
    bias: tf.Tensor,
    past: Past | None,
    smoothing: float,
    fixed: int = 0,
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
        fixed: how many of the items' last columns nobody learns; what they'd be told of the norms is left out.
    Returns: [] float32.
    """

    # A column more, 1 in the queries, so that the biases come with the product.
    wide = tf.pad(queries, [[0, 0], [0, 1]], constant_values=1.0)
    table = tf.concat([items, bias[:, tf.newaxis]], axis=1)
    own = lookup(table, labels)
    target = (1.0 - smoothing) * own
    if smoothing:
        target += smoothing * _mean_candidate(table, own, past)
    return _norms(wide, weights, table, past, fixed) - tf.reduce_sum(weights[:, tf.newaxis] * wide * target)


def _mean_candidate(table: tf.Tensor, own: tf.Tensor, past: Past | None) -> tf.Tensor:
    """Mean row of what is left in for each position, [N, D] or [1, D]: its product with a query is the mean logit.

    What is left out is summed up along each row once, so that smoothing costs nothing for each item and position.
    """
    everything, size = tf.reduce_sum(table, axis=0, keepdims=True), tf.cast(tf.shape(table)[0], tf.float32)
    if past is None:
        return everything / size
    sums, count = past.sums(table)
    return (everything - sums) / (size - count)[:, tf.newaxis]


def _norms(wide: tf.Tensor, weights: tf.Tensor, table: tf.Tensor, past: Past | None, fixed: int) -> tf.Tensor:
    """Sum of w logsumexp(z), its gradient taken on the way: []."""

    @tf.custom_gradient
    def both(wide: tf.Tensor, table: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        total, of_wide, of_table = _with_gradients(wide, weights, table, past, fixed)
        return total, lambda upstream: (upstream * of_wide, upstream * of_table)

    return both(wide, table)


def _with_gradients(
    wide: tf.Tensor, weights: tf.Tensor, table: tf.Tensor, past: Past | None, fixed: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Sum of w logsumexp(z), and its gradients: [], like `wide`, like `table`; zeros for columns that nobody learns."""
    count, size, width = tf.shape(wide)[0], tf.shape(table)[0], wide.shape[1] - 1
    at_once = _at_once(count, size)
    parts = tf.maximum(1, -(-count // at_once))  # of a batch in which nothing counts, too
    missing = parts * at_once - count
    learning = tf.concat([wide[:, : width - fixed], wide[:, -1:]], axis=1)
    odd = -learning.shape[1] % _LANES
    queries, learning, weights, places = (
        tf.reshape(part, [parts, at_once, part.shape[1]])
        for part in (
            tf.pad(wide, [[0, missing], [0, 0]]),
            tf.pad(learning, [[0, missing], [0, odd]]),
            tf.pad(weights, [[0, missing]])[:, tf.newaxis],
            tf.range(parts * at_once)[:, tf.newaxis],
        )
    )
    across = tf.transpose(table)
    masks = None if past is None else past.with_nothing_behind(missing).masks()

    def body(n: tf.Tensor, total: tf.Tensor, of_table: tf.Tensor, of_queries: tf.TensorArray) -> tuple:
        left_out = None if masks is None else masks(places[n, :, 0])
        value, slope = _some(queries[n], weights[n], across, left_out)
        of_queries = of_queries.write(n, tf.matmul(slope, table[:, :-1]))
        return n + 1, total + value, of_table + tf.matmul(learning[n], slope, transpose_a=True), of_queries

    begin = (tf.constant(0), tf.constant(0.0), tf.zeros([learning.shape[2], size]))
    gathered = tf.TensorArray(tf.float32, parts, element_shape=[None, width])
    _, total, of_table, gathered = tf.while_loop(
        lambda n, *_: n < parts, body, (*begin, gathered), parallel_iterations=1
    )
    items, bias, _ = tf.split(tf.transpose(of_table), [width - fixed, 1, odd], axis=1)
    of_queries = tf.reshape(gathered.stack(), [-1, width])[:count]
    return total, tf.pad(of_queries, [[0, 0], [0, 1]]), tf.concat([items, tf.zeros([size, fixed]), bias], axis=1)


def _some(
    wide: tf.Tensor, weights: tf.Tensor, across: tf.Tensor, left_out: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Of a few positions, weights [R, 1], and a table [D, n], the sum, and its gradient by their logits: [R, n]."""
    logits = tf.matmul(wide, across)
    if left_out is not None:
        logits = tf.where(left_out, -float("inf"), logits)
    top = tf.reduce_max(logits, axis=1, keepdims=True)
    shares = tf.exp(logits - top)
    norm = tf.reduce_sum(shares, axis=1, keepdims=True)
    total = tf.reduce_sum(weights * (top + tf.math.log(norm)))
    return total, shares * (weights / norm)


def _at_once(count: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Positions whose logits are there together."""
    room = _CACHED_GPU if tf.config.list_physical_devices("GPU") else _CACHED * threads_within()
    return tf.maximum(1, tf.minimum(count, tf.maximum(_FEWEST, room // 4 // size)))
