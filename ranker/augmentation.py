"""What training rows could have looked like just as well: another order of events of one moment, another next item.

Both change a batch anew in every epoch, by a seed alone, so that a resumed training sees what an uninterrupted one
would have seen. Validation and test rows stay as they are.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import tensorflow as tf

from schemas import features as f

if TYPE_CHECKING:
    from ranker.batches import Batch

_OF_LABELS = (f.LABEL, f.LABEL_TIMESTAMP, f.LABEL_RATING, f.WEIGHT)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How training rows are changed.

    Args:
        shuffle_ties: bring events of one time, whose true order nobody knows, into another order.
        ahead: share of labels in whose place stands a later item of the same row.
        ahead_decay: how much less likely the item n + 1 places later is than the one n places later.
    """

    shuffle_ties: bool = False
    ahead: float = 0.0
    ahead_decay: float = 0.8

    def __call__(self, batch: Batch, tied: tf.Tensor | None, loss_from: tf.Tensor, seed: tf.Tensor) -> Batch:
        """Changes a batch as ranker.batches.training_batch makes it.

        Args:
            batch: history, label and weight [B, T], and whatever else there is.
            tied: [B, T] int64, history_tied; None: nobody knows.
            loss_from: [B] int64, the first position whose label counts.
            seed: [2] int64; equal ones change a batch alike.
        """
        seeds = tf.random.experimental.stateless_split(seed, 2)
        if self.shuffle_ties and tied is not None:
            batch = shuffled(batch, tied, loss_from, seeds[0])
        return with_later_labels(batch, self.ahead, self.ahead_decay, seeds[1]) if self.ahead else batch


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


def with_later_labels(batch: Batch, share: float, decay: float, seed: tf.Tensor) -> Batch:
    """Some labels replaced by the label n places later, with a probability in proportion to decay ** (n - 1).

    Only where both count, so that as many labels count as before; nothing comes after a row's last label.

    Args:
        batch: of training.
        share: of labels, in [0, 1].
        decay: in (0, 1).
        seed: [2] int64.
    """
    weight = batch[f.WEIGHT]
    width = tf.shape(weight)[1]
    place = tf.range(width)[tf.newaxis, :]
    last = tf.reduce_max(tf.where(batch[f.LABEL] == f.PADDING, 0, place), axis=1, keepdims=True)
    left = tf.maximum(last - place, 0)
    chosen, uniform = tf.unstack(tf.random.stateless_uniform(tf.stack([2, *tf.unstack(tf.shape(weight))]), seed))
    # The inverse of a geometric distribution that ends at `left`.
    passed = 1.0 - uniform * (1.0 - decay ** tf.cast(left, tf.float32))
    steps = tf.minimum(1 + tf.cast(tf.math.log(passed) / math.log(decay), tf.int32), left)
    later = tf.minimum(place + steps, width - 1)
    taken = (chosen < share) & (left > 0) & (weight > 0.0) & (tf.gather(weight, later, batch_dims=1) > 0.0)
    source = tf.where(taken, later, place)
    return {**batch, **{name: tf.gather(batch[name], source, batch_dims=1) for name in _OF_LABELS if name in batch}}
