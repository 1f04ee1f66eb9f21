"""What the scores of a model mean: what ranker.heads builds."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from ranker import scoring
from ranker.baselines import popularity
from schemas import features as f
from schemas.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ranker.catalogue import Catalogue
    from ranker.item_tower import ItemTable
    from ranker.model import SequenceRanker
    from ranker.sampled_losses import SampledLoss

    Features = Mapping[str, tf.Tensor]
    Loss = Callable[..., tf.Tensor]

_PAIRS = 32  # negatives a label in validation
_SEED = 20


class Prediction(abc.ABC):
    """From z to what is served, what it is trained against, and the metrics that fit it.

    Args:
        loss: as ranker.losses says.
        prior: [n + c], z of each candidate for a history without an item that the model knows.
        biases: [n], what the biases of the vocabulary's items may begin at.
        metrics: of validation, beside those of ranks.
    """

    def __init__(
        self, loss: Loss, prior: np.ndarray, biases: np.ndarray, metrics: list[tf.keras.metrics.Metric]
    ) -> None:
        self.loss, self.metrics = loss, metrics
        self.prior, self.biases = np.asarray(prior, np.float32), np.asarray(biases, np.float32)

    def weights(self, weights: tf.Tensor, ratings: tf.Tensor | None) -> tf.Tensor:
        """How much each label counts, float32: as `weights` says, if it has all that the head needs.

        Args:
            weights: of any shape, float32.
            ratings: likewise; NaN: nobody gave one. None: the data have none.
        """
        del ratings
        return weights

    def total(self, ratings: tf.Tensor | None, *arguments: Any) -> tf.Tensor:
        """The weighted sum of the positions' losses.

        Args:
            ratings: [N] float32, as above.
            arguments: those of ranker.losses.
        """
        del ratings
        return self.loss(*arguments)

    @abc.abstractmethod
    def values(self, scores: tf.Tensor) -> tf.Tensor:
        """What is served for z, in the same order of items: float32 of any shape."""

    @abc.abstractmethod
    def validate(self, model: SequenceRanker, features: Features, table: ItemTable | None) -> None:
        """Updates the metrics by one evaluation batch."""


class NextItem(Prediction):
    """z itself; its metrics are those of ranks."""

    def __init__(self, catalogue: Catalogue, loss: Loss) -> None:
        logs = np.log(catalogue.counts)
        super().__init__(loss, popularity.log_counts(catalogue), logs - logs.mean(), [])

    def values(self, scores: tf.Tensor) -> tf.Tensor:
        return scores

    def validate(self, model: SequenceRanker, features: Features, table: ItemTable | None) -> None:
        """There is none beside those of ranks."""


class Pointwise(Prediction):
    """sigmoid(z): the probability that ranker.heads.pointwise defines.

    In validation each label stands beside _PAIRS items that are drawn as in training, and weigh `ratio` together; the
    user's past and what isn't published count as not drawn. The draws follow from the labels of the batch alone, so
    that they are the same in every epoch.

    Before training, z is what the odds are if nothing is known of the user: p_i / (r q_i), with p_i the item's share of
    the training interactions.

    Args:
        catalogue: the items.
        loss: knows how it draws.
        ratio: r.
    """

    def __init__(self, catalogue: Catalogue, loss: SampledLoss, ratio: float) -> None:
        drawn = loss.sampler.expected / np.sum(loss.sampler.expected)
        log_drawn = np.concatenate([np.log(drawn), np.full(len(catalogue.cold), np.log(drawn.min()))])
        prior = popularity.log_counts(catalogue) - np.log(np.sum(catalogue.counts) * ratio) - log_drawn
        cross_entropy = tf.keras.metrics.BinaryCrossentropy("log_loss", from_logits=True)
        metrics = [cross_entropy, tf.keras.metrics.AUC(name="auc", from_logits=True)]
        super().__init__(loss, prior, prior[: len(drawn)], metrics)
        self.ratio, self._known = ratio, catalogue.size
        self._bounds = np.cumsum(drawn)[:-1]

    def values(self, scores: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(scores)

    def validate(self, model: SequenceRanker, features: Features, table: ItemTable | None) -> None:
        """Takes labels that training knows, each beside items drawn for it."""
        labels = features[f.LABEL][:, tf.newaxis]
        ids = tf.concat([labels, self._drawn(labels)], axis=1)
        scores, there = pair_scores(model, features, ids, table)
        past = tf.reduce_any(ids[:, :, tf.newaxis] == model.masked(features)[:, tf.newaxis, :], axis=2)
        negative = tf.cast(there & ~past & (ids != labels), tf.float32)
        share = tf.math.divide_no_nan(self.ratio, tf.reduce_sum(negative, axis=1, keepdims=True))
        own = tf.pad(tf.ones_like(labels, tf.float32), [[0, 0], [0, _PAIRS]])
        counts = tf.cast((labels >= f.FIRST_ITEM) & (labels < self._known), tf.float32)
        weights = tf.reshape(counts * (own + share * negative), [-1])
        for metric in self.metrics:
            metric.update_state(*(tf.reshape(part, [-1, 1]) for part in (own, scores)), sample_weight=weights)

    def _drawn(self, labels: tf.Tensor) -> tf.Tensor:
        """Ids [B, _PAIRS] int64 for labels [B, 1]."""
        seed = tf.stack([tf.constant(_SEED, tf.int64), tf.reduce_sum(labels)])
        shape = [tf.shape(labels)[0], _PAIRS]
        uniform = tf.random.stateless_uniform([shape[0] * _PAIRS], seed, dtype=tf.float64)
        bounds = tf.constant(self._bounds, tf.float64)
        columns = tf.searchsorted(bounds, uniform, side="right", out_type=tf.int64)
        return tf.reshape(columns, shape) + f.FIRST_ITEM


class Rating(Prediction):
    """z plus the mean rating of training, no less than the lowest rating there, and no more than the highest.

    Before training, z is the item's own mean less that of all, shrunken.

    Args:
        catalogue: its ratings are those of the training split.
        loss: takes targets.
        shrinkage: ratings that count as much as the mean of all.
    Raises: ModelError: the catalogue knows no ratings.
    """

    def __init__(self, catalogue: Catalogue, loss: Loss, shrinkage: float) -> None:
        if catalogue.ratings is None:
            raise ModelError("A head of ratings needs those of the training split.", next_step="give the log's ratings")
        self._ratings = catalogue.ratings
        biases = self._ratings.of_items(shrinkage)
        metrics = [tf.keras.metrics.RootMeanSquaredError("rmse"), tf.keras.metrics.MeanAbsoluteError("mae")]
        super().__init__(loss, np.concatenate([biases, np.zeros(len(catalogue.cold))]), biases, metrics)

    def weights(self, weights: tf.Tensor, ratings: tf.Tensor | None) -> tf.Tensor:
        return tf.zeros_like(weights) if ratings is None else tf.where(tf.math.is_finite(ratings), weights, 0.0)

    def total(self, ratings: tf.Tensor | None, *arguments: Any) -> tf.Tensor:
        return self.loss(*arguments, targets=_finite(ratings) - self._ratings.mean)

    def values(self, scores: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(scores + self._ratings.mean, self._ratings.lowest, self._ratings.highest)

    def validate(self, model: SequenceRanker, features: Features, table: ItemTable | None) -> None:
        """Takes labels that the model can score and somebody rated."""
        scores, there = pair_scores(model, features, features[f.LABEL][:, tf.newaxis], table)
        ratings = features[f.LABEL_RATING][:, tf.newaxis]
        weights = self.weights(tf.cast(there, tf.float32), ratings)
        for metric in self.metrics:
            metric.update_state(_finite(ratings), self.values(scores), sample_weight=weights)


def pair_scores(
    model: SequenceRanker, features: Features, ids: tf.Tensor, table: ItemTable | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """z of each row's history with items of its own, and which of them are candidates: two [B, C].

    Args:
        model: with its head.
        features: label_timestamp, where it is there, is the time of each row.
        ids: [B, C] int64.
        table: item_table's, where it is at hand.
    """
    queries = model.scoring_queries(features, table)
    return scoring.pairs(queries, ids, model.candidates(table), model.aged(queries, features.get(f.LABEL_TIMESTAMP)))


def _finite(ratings: tf.Tensor) -> tf.Tensor:
    """0 where nobody gave one, which has no weight: a NaN times 0 is still one."""
    return tf.where(tf.math.is_finite(ratings), ratings, 0.0)
