"""The sequential recommender: embeddings, an architecture, and scores against the tied item embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ranker import registry, scoring
from ranker.baselines import popularity
from ranker.dropout import Dropout
from ranker.keras_metrics import HR, NDCG
from ranker.layers import lookup
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ranker.catalogue import Catalogue
    from ranker.options import ModelOptions

    Features = Mapping[str, tf.Tensor]

_EMBEDDING_RANGE = 0.05  # of the uniform initial values, Keras' own default


class SequenceRanker(tfrs.Model):
    """Predicts the next item at every position of a history.

    Features are dense and padded on the right with PADDING: history [B, T] int64 ids, T at least 1; history_gap [B, T]
    int64 where gaps are embedded; user [B] int64 where users are. Training adds label [B, T] int64 and weight [B, T]
    float32, 0 where a position doesn't count. Evaluation adds label [B] int64 and seen [B, S] int64. exclude [B, E]
    int64, where it is there, holds items that are no candidates.

    Args:
        options: the model's knobs.
        catalogue: the items, and what the earlier stages decided.
    """

    def __init__(self, options: ModelOptions, catalogue: Catalogue) -> None:
        super().__init__(name="sequence_ranker")
        self.options, self.catalogue = options, catalogue
        width = options.embedding_dim
        self.items = self._table("items", catalogue.size, width)
        self.bias = self.add_weight(
            name="bias",
            shape=[catalogue.size - f.FIRST_ITEM],
            initializer=tf.constant_initializer(_popularity(catalogue.counts)) if options.popularity_bias else "zeros",
        )
        self.gaps = self._table("gaps", catalogue.gaps, width) if options.gap_embedding else None
        self.users = self._table("users", catalogue.users + f.FIRST_ITEM, width) if options.user_embedding else None
        self.dropout = Dropout(options.dropout)
        architecture = options.architecture
        self.architecture = registry.load("architectures", architecture.name).build(
            architecture, width, options.dropout
        )
        self.position_loss = registry.load("losses", options.loss.name).build(options.loss, catalogue)
        self.loss_mean = tf.keras.metrics.Mean("loss")
        self.rank_metrics = [NDCG(10), HR(10)]
        self(self.empty_features(1))  # so that every weight is there before a checkpoint or an optimiser asks

    def _table(self, name: str, rows: int, width: int) -> tf.Variable:
        initial = tf.keras.initializers.RandomUniform(-_EMBEDDING_RANGE, _EMBEDDING_RANGE)
        return self.add_weight(name=name, shape=[rows, width], initializer=initial)

    @staticmethod
    def empty_features(rows: int) -> dict[str, tf.Tensor]:
        """Histories of one padded position: [rows, 1]."""
        padding = tf.fill([rows, 1], tf.constant(f.PADDING, tf.int64))
        return {f.HISTORY: padding, f.HISTORY_GAP: padding, f.USER: tf.fill([rows], tf.constant(f.UNKNOWN, tf.int64))}

    def embed(self, features: Features) -> tf.Tensor:
        """What goes into the architecture: [B, T, D], in the precision that the policy computes in."""
        x = lookup(tf.convert_to_tensor(self.items), features[f.HISTORY])
        if self.gaps is not None:
            x += lookup(tf.convert_to_tensor(self.gaps), features[f.HISTORY_GAP])
        if self.users is not None:
            x += lookup(tf.convert_to_tensor(self.users), features[f.USER])[:, tf.newaxis]
        return tf.cast(x, self.compute_dtype)

    def call(self, features: Features, training: bool = False) -> tf.Tensor:
        """Queries at every position: [B, T, D]."""
        return self.architecture(self.dropout(self.embed(features), training=training), training=training)

    def query(self, features: Features) -> tf.Tensor:
        """Queries at the last event: [B, D]; of no meaning where a history is empty."""
        last = tf.maximum(tf.math.count_nonzero(features[f.HISTORY], axis=1) - 1, 0)
        return tf.gather(self(features), last, batch_dims=1)

    # --- Training ---------------------------------------------------------------------------------------------------

    def compute_loss(self, features: Features, training: bool = False) -> tf.Tensor:
        """Mean loss of the positions that count, as a scalar float32; 0 where none does."""
        total, weight = self.loss_and_weight(features, training)
        return tf.math.divide_no_nan(total, weight)

    def loss_and_weight(self, features: Features, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Weighted sum of the positions' losses, and sum of the weights: two scalars, float32.

        Takes training features, or evaluation features, whose known labels count one each.
        """
        labels = features[f.LABEL]
        if labels.shape.rank == 1:
            queries, weights = self.query(features), tf.cast(labels >= f.FIRST_ITEM, tf.float32)
        else:
            queries, labels, weights = self._positions(features, training)
        columns = tf.maximum(labels - f.FIRST_ITEM, 0)  # what isn't an item has no weight
        items = tf.convert_to_tensor(self.items)[f.FIRST_ITEM :]
        return self.position_loss(queries, columns, weights, items, self.bias), tf.reduce_sum(weights)

    def _positions(self, features: Features, training: bool) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Queries [N, D], labels [N] and weights [N] of the positions that count."""
        queries = tf.reshape(self(features, training=training), [-1, self.options.embedding_dim])
        labels, weights = (tf.reshape(features[name], [-1]) for name in (f.LABEL, f.WEIGHT))
        if self.jit_compile:
            return queries, labels, weights  # XLA wants shapes that don't depend on values: weights of 0 do the same
        counts = tf.where(weights > 0)[:, 0]
        return tuple(tf.gather(values, counts) for values in (queries, labels, weights))

    # Nothing below needs autograph, and its reading of Keras' source took 10 of the first epoch's 13 seconds.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, features: Features) -> dict[str, tf.Tensor]:
        """One step of the optimiser, towards the mean over the positions of all replicas.

        tfrs.Model's own neither scales a loss for 16-bit gradients nor divides it between replicas.
        """
        with tf.GradientTape() as tape:
            total, weight = self.loss_and_weight(features, training=True)
            everywhere = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, weight)
            loss = tf.math.divide_no_nan(total, everywhere)
        self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
        self.loss_mean.update_state(tf.math.divide_no_nan(total, weight), weight)
        return {"loss": self.loss_mean.result()}

    @tf.autograph.experimental.do_not_convert
    def test_step(self, features: Features) -> dict[str, tf.Tensor]:
        """Loss and ranks of one evaluation batch."""
        total, weight = self.loss_and_weight(features)
        self.loss_mean.update_state(tf.math.divide_no_nan(total, weight), weight)
        ranks = self.label_ranks(features)
        for metric in self.rank_metrics:
            metric.update_state(ranks)
        return {metric.name: metric.result() for metric in (self.loss_mean, *self.rank_metrics)}

    # --- Ranking ----------------------------------------------------------------------------------------------------

    def label_ranks(self, features: Features) -> tf.Tensor:
        """Rank of each row's label over the catalogue without its past: [B] int64, 1 is best, 0: no known label."""
        return scoring.label_ranks(
            self.scoring_queries(features), features[f.LABEL], self.candidates(), self.masked(features)
        )

    def popularity_ranks(self, features: Features) -> tf.Tensor:
        """As label_ranks, were items ranked by training count."""
        return popularity.label_ranks(self.catalogue, features[f.LABEL], self.masked(features))

    def scoring_queries(self, features: Features) -> tf.Tensor:
        """Queries for ranker.scoring [B, D + 2]: popularity answers a history without an item that training saw."""
        return scoring.queries(self.query(features), tf.reduce_any(features[f.HISTORY] >= f.FIRST_ITEM, axis=1))

    def candidates(self) -> tf.Tensor:
        """Candidates for ranker.scoring: [n, D + 2] float32."""
        log_counts = tf.constant(np.log(self.catalogue.counts), tf.float32)
        return scoring.candidates(tf.convert_to_tensor(self.items)[f.FIRST_ITEM :], self.bias, log_counts)

    def masked(self, features: Features) -> tf.Tensor:
        """Ids that are no candidates: [B, M] int64."""
        past: Sequence[str] = (f.HISTORY, f.SEEN) if self.catalogue.mask_seen else ()
        parts = [features[name] for name in (*past, f.EXCLUDE) if name in features]
        return tf.concat([features[f.HISTORY][:, :0], *parts], axis=1)


def _popularity(counts: np.ndarray) -> np.ndarray:
    """Biases under which scores without a history are those of popularity: log counts, less their mean."""
    return np.log(counts) - np.log(counts).mean()
