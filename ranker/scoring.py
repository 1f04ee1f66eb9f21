"""Ranks and best items over the whole catalogue, a part of it at a time.

A query is [B, D + 2] and the candidates are [n, D + 2], so that one product holds everything that a score is made of:

    query                             candidate of item i       product
    (q, 1, 0)  the model knows him    (e_i, b_i, log count_i)   q . e_i + b_i
    (0, 0, 1)  no known event yet     (e_i, b_i, log count_i)   log count_i: popularity

In place of log count_i stands whatever the model's head (ranker.prediction) knows of an item without a user.

Row i of the candidates is the item with id FIRST_ITEM + i: padding and unknown items are never candidates. Equal
scores are ranked by id, lower first, which is how the vocabulary orders by frequency. Where the items' publication
matters, ranker.age adds its term to the products and takes away what isn't published.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from schemas.features import FIRST_ITEM

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.age import Aged

# Scores made at a time. For ranks 4 MiB of them, which stay in the processor's cache; for the best 64 MiB, since each
# part costs a search for the best of it.
RANKED = 1 << 20
BEST = 1 << 24
LEAST = 4096  # items scored at a time, however many rows
WHOLE = 65_536  # items up to which a catalogue is scored at once


def queries(model_queries: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Queries that fall back to popularity.

    Args:
        model_queries: [B, D].
        known: [B] bool, the row has an event that the model knows.
    Returns: [B, D + 2] float32.
    """
    known = tf.cast(known, tf.float32)[:, tf.newaxis]
    safe = tf.where(known > 0, tf.cast(model_queries, tf.float32), 0.0)
    return tf.concat([safe, known, 1.0 - known], axis=1)


def popularity_queries(rows: tf.Tensor, width: int) -> tf.Tensor:
    """Queries that rank by training count: [rows, width + 2] float32."""
    return queries(tf.zeros([rows, width]), tf.zeros([rows], tf.bool))


def candidates(items: tf.Tensor, bias: tf.Tensor, log_counts: tf.Tensor) -> tf.Tensor:
    """[n, D], [n] and [n] -> [n, D + 2] float32."""
    columns = [items, bias[:, tf.newaxis], log_counts[:, tf.newaxis]]
    return tf.concat([tf.cast(column, tf.float32) for column in columns], axis=1)


def label_ranks(
    query: tf.Tensor, labels: tf.Tensor, candidate: tf.Tensor, masked: tf.Tensor, aged: Aged | None = None
) -> tf.Tensor:
    """Rank of each row's label among all candidates but masked and unpublished ones; the label itself is always one.

    Args:
        query: [B, D + 2] float32.
        labels: [B] int64 ids.
        candidate: [n, D + 2] float32.
        masked: [B, M] int64 ids; what isn't a candidate's id (padding, unknown) is passed over.
        aged: the candidates' age at the time of each row.
    Returns: [B] int64, 1 is best; 0 where the label is no candidate.
    """
    column = labels - FIRST_ITEM
    inside_catalogue = (column >= 0) & (column < candidate.shape[0])

    def own(first: tf.Tensor, scores: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
        at = column - first
        inside = (at >= 0) & (at < tf.shape(scores, tf.int64)[1])
        return tf.where(inside, tf.gather(scores, tf.where(inside, at, 0), batch_dims=1), found)

    fold = functools.partial(_fold, query, candidate, aged, RANKED)
    label_score = fold(own, tf.zeros_like(query[:, 0]))[:, tf.newaxis]

    def ahead(first: tf.Tensor, scores: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        ids = _columns(first, scores)
        tied = (scores == label_score) & (ids < column[:, tf.newaxis])
        better = (scores > label_score) | tied
        left_out = _left_out(masked, first, scores, aged)
        better = better if left_out is None else better & ~left_out
        return count + tf.cast(tf.reduce_sum(tf.cast(better, tf.int32), axis=1), tf.int64)

    count = fold(ahead, tf.zeros_like(column))
    return tf.where(inside_catalogue, count + 1, 0)


def pairs(
    query: tf.Tensor, ids: tf.Tensor, candidate: tf.Tensor, aged: Aged | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores of some candidates of each row, all in memory at once.

    Args:
        query: [B, D + 2] float32.
        ids: [B, C] int64.
        candidate: [n, D + 2] float32.
        aged: the candidates' age at the time of each row; what isn't published counts as published right then.
    Returns: scores [B, C] float32, of no meaning where the id is no candidate's; and whether it is one's that is
        published: [B, C] bool.
    """
    column = ids - FIRST_ITEM
    there = (column >= 0) & (column < candidate.shape[0])
    column = tf.where(there, column, 0)
    scores = tf.linalg.matvec(tf.gather(candidate, column), query)
    return (scores, there) if aged is None else (scores + aged.gain(column), there & ~aged.unpublished(column))


def best(
    query: tf.Tensor, candidate: tf.Tensor, masked: tf.Tensor, k: int, aged: Aged | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """The k best candidates of each row that are published and not masked.

    Args:
        query: [B, D + 2] float32.
        candidate: [n, D + 2] float32.
        masked: [B, M] int64 ids.
        k: how many, at least 1.
        aged: the candidates' age at the time of each row.
    Returns: columns [B, k] int64 (an id less FIRST_ITEM) and scores [B, k] float32, best first; where fewer than k
        are left, -inf beside column 0.
    """
    rows = tf.shape(query)[0]

    def merge(first: tf.Tensor, scores: tf.Tensor, carry: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        columns, top = carry
        left_out = _left_out(masked, first, scores, aged)
        scores = scores if left_out is None else tf.where(left_out, -float("inf"), scores)
        # Of equal values top_k takes the first: the lower id in a chunk, and what was found before ahead of it.
        here, at = tf.math.top_k(scores, tf.minimum(k, tf.shape(scores)[1]))
        columns = tf.concat([columns, first + tf.cast(at, tf.int64)], 1)
        top, at = tf.math.top_k(tf.concat([top, here], 1), k)
        return tf.gather(columns, at, batch_dims=1), top

    initial = (tf.zeros([rows, k], tf.int64), tf.fill([rows, k], -float("inf")))
    return _fold(query, candidate, aged, BEST, merge, initial)


def _fold(
    query: tf.Tensor, candidate: tf.Tensor, aged: Aged | None, at_once: int, step: Callable[..., Any], initial: Any
) -> Any:
    """step(first column, scores of a chunk, carry) -> carry, over the catalogue; one chunk in memory at a time.

    A chunk is as many items as make `at_once` scores, LEAST at least, or the whole catalogue up to WHOLE.
    """
    size = candidate.shape[0]

    def scored(first: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
        scores = tf.matmul(query, part, transpose_b=True)
        return scores if aged is None else scores + aged.gain(_columns(first, scores))

    def whole() -> Any:
        return step(tf.constant(0, tf.int64), scored(tf.constant(0, tf.int64), candidate), initial)

    if size <= WHOLE:
        return whole()
    rows = tf.shape(query, tf.int64)[0]
    chunk = tf.minimum(tf.maximum(at_once // tf.maximum(rows, 1), LEAST), size)
    # XLA has to know how wide a part is, so the last one, which may be narrower, stands behind the loop. It compiles
    # the loop even where all is scored at once, so no part may be wider than the catalogue.
    last = (size - 1) // chunk * chunk

    def body(first: tf.Tensor, carry: Any) -> tuple[tf.Tensor, Any]:
        part = tf.slice(candidate, tf.stack([first, 0]), tf.stack([chunk, candidate.shape[1]]))
        return first + chunk, step(first, scored(first, part), carry)

    def by_chunk() -> Any:
        start = (tf.constant(0, tf.int64), initial)
        carry = tf.while_loop(lambda first, _: first < last, body, start, parallel_iterations=1)[1]
        return step(last, scored(last, candidate[last:]), carry)

    # Each chunk is a copy of its part of the candidates, which for one user costs more than scoring all of them.
    return tf.cond(rows * size <= at_once, whole, by_chunk)


def _columns(first: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Columns of a chunk that begins at `first`: [C] int64."""
    return first + tf.range(tf.shape(scores, tf.int64)[1])


def _left_out(masked: tf.Tensor, first: tf.Tensor, scores: tf.Tensor, aged: Aged | None) -> tf.Tensor | None:
    """Which of the chunk's columns are no candidates: [B, C] bool; None: all are, which saves a look at each score."""
    reasons = [] if masked.shape[1] == 0 else [_mask(masked, first, scores)]
    reasons += [] if aged is None else [aged.unpublished(_columns(first, scores))]
    return functools.reduce(tf.logical_or, reasons) if reasons else None


def _mask(masked: tf.Tensor, first: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """[B, M] ids -> [B, C] bool: which of the chunk's columns, that begin at `first`, they are."""
    width = tf.shape(scores, tf.int64)[1]
    at = masked - FIRST_ITEM - first
    at = tf.where((at >= 0) & (at < width), at, width)  # one column more takes all that lie elsewhere
    row = tf.broadcast_to(tf.range(tf.shape(at, tf.int64)[0])[:, tf.newaxis], tf.shape(at))
    places = tf.reshape(tf.stack([row, at], -1), [-1, 2])
    shape = tf.stack([tf.shape(at, tf.int64)[0], width + 1])
    return tf.scatter_nd(places, tf.ones_like(places[:, 0], tf.int32), shape)[:, :-1] > 0
