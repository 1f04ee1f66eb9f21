"""What training rows could have looked like just as well: events of one moment in another order.

Batches change anew in every epoch, by a seed alone, so that a resumed training sees what an uninterrupted one would
have seen. Validation and test rows stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from schemas import features as f

if TYPE_CHECKING:
    from ranker.batches import Batch

_OF_LABELS = (f.LABEL, f.LABEL_TIMESTAMP, f.LABEL_RATING, f.WEIGHT)


def shuffled(batch: Batch, tied: tf.Tensor, loss_from: tf.Tensor, seed: tf.Tensor) -> Batch:
    """Events of one time in another order, each with its contexts, its weight and its rating.

    The first event of a row and the last label stay where they are: of the one the label's side isn't known, of the
    other the history's. So does which labels count: an event that the window before has counted stays among those.

    Args:
        batch: of training.
        tied: [B, T] int64, 1 where an event has the time of the one before.
        loss_from: [B] int64, the first position whose label counts.
        seed: [2] int64.
    """
    history = batch[f.HISTORY]
    place = tf.range(tf.shape(history, tf.int64)[1])[tf.newaxis, :]
    bounds = (tied == 0) | (place == 1) | (place == loss_from[:, tf.newaxis] + 1) | (history == f.PADDING)
    moment = tf.cumsum(tf.cast(bounds, tf.float32), axis=1)
    order = tf.argsort(moment + tf.random.stateless_uniform(tf.shape(history), seed), axis=1)
    changed = dict(batch)
    for name in batch:
        if name == f.HISTORY or name.startswith(f.HISTORY_CONTEXT_PREFIX):
            changed[name] = tf.gather(batch[name], order, batch_dims=1)
    # The label at t is the event at t + 1; the last one has no event in the history.
    before = tf.concat([order[:, 1:] - 1, tf.fill([tf.shape(order)[0], 1], tf.shape(order)[1] - 1)], axis=1)
    for name in filter(batch.__contains__, _OF_LABELS):
        changed[name] = tf.gather(batch[name], before, batch_dims=1)
    return changed
