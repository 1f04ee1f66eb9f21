"""The sequential recommender: embeddings, an architecture, and scores against the tied item embeddings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from ranker import members, parts, registry, scoring, slices
from ranker.baselines import popularity
from ranker.contexts import silenced
from ranker.dropout import Dropout
from ranker.item_tower import ItemTable, ItemTower
from ranker.keras_metrics import HR, NDCG
from ranker.layers import lookup
from ranker.long_term import beside
from ranker.past import Past, adjustment
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ranker.age import Aged
    from ranker.catalogue import Catalogue
    from ranker.options import ModelOptions

    Features = Mapping[str, tf.Tensor]

_EMBEDDING_RANGE = 0.05  # of the uniform initial values, Keras' own default


class SequenceRanker(tfrs.Model):
    """Predicts the next item at every position of a history.

    Features are dense and padded on the right with PADDING: history [B, T] int64 ids, T at least 1; history_gap [B, T]
    int64 where gaps are embedded or end bursts; user [B] int64 where users are. Training adds label [B, T] int64 and
    weight [B, T] float32, 0 where a position doesn't count. Evaluation adds label [B] int64 and seen [B, S] int64.
    exclude [B, E] int64, where it is there, holds items that are no candidates. A head of ratings takes label_rating,
    like label, float32, NaN where there is none.

    Where the catalogue has them, and taken for unknown where features haven't: history_context_<name> [B, T] and
    user_feature_<name> [B, M] int64; label_timestamp, like label, int64 milliseconds, the time of each query.

    A query and what scores a candidate are [Q]: an embedding, [D], and behind it what ranker.long_term adds.

    Ids from catalogue.size on are cold items, known by their features alone: candidates, and possible in histories.

    Args:
        options: the model's knobs.
        catalogue: the items, and what the earlier stages decided.
    """

    def __init__(self, options: ModelOptions, catalogue: Catalogue) -> None:
        super().__init__(name="sequence_ranker")
        catalogue = catalogue if options.item_features else dataclasses.replace(catalogue, features=None)
        self.options, self.catalogue = options, catalogue
        width = options.width
        self.items = self._table("items", catalogue.size, width)
        self.scored_items = None if options.tied else self._table("scored_items", catalogue.size, width)
        self.position_loss = registry.load("losses", options.loss.name).build(options.loss, catalogue)
        self.head = registry.load("heads", options.head.name).build(
            options.head, catalogue, self.position_loss, options.loss
        )
        biases = self.head.biases if options.popularity_bias else np.zeros(len(catalogue.counts))
        self.bias = self.add_weight(
            name="bias",
            shape=[catalogue.size - f.FIRST_ITEM],
            initializer=tf.constant_initializer(biases) if options.popularity_bias else "zeros",
        )
        self.gaps = self._table("gaps", catalogue.gaps, width) if options.gap_embedding else None
        self.users = self._table("users", catalogue.users + f.FIRST_ITEM, width) if options.user_embedding else None
        self.dropout = Dropout(options.dropouts[0])
        self.architecture = parts.architecture(options, catalogue.window)
        self.bursts = parts.bursts(options)
        self.silence = parts.silence(options, catalogue)
        self.contexts = parts.contexts(options, catalogue)
        # Before training, an item without an id is as popular as the rarest that has one.
        self.tower = ItemTower(catalogue, width, options.id_dropout, biases.min()) if catalogue.features else None
        self.age = parts.age(options, catalogue)
        self.long_term = parts.long_term(catalogue)
        self.loss_mean = tf.keras.metrics.Mean("loss")
        self.rank_metrics, self.head_metrics = [NDCG(10), HR(10)], self.head.metrics
        self._frozen: ItemTable | None = None
        self(self.empty_features(1))  # so that every weight is there before a checkpoint or an optimiser asks

    def _table(self, name: str, rows: int, width: int) -> tf.Variable:
        initial = tf.keras.initializers.RandomUniform(-_EMBEDDING_RANGE, _EMBEDDING_RANGE)
        return self.add_weight(name=name, shape=[rows, width], initializer=initial)

    @staticmethod
    def empty_features(rows: int) -> dict[str, tf.Tensor]:
        """Histories of one padded position: [rows, 1]."""
        padding = tf.fill([rows, 1], tf.constant(f.PADDING, tf.int64))
        return {f.HISTORY: padding, f.HISTORY_GAP: padding, f.USER: tf.fill([rows], tf.constant(f.UNKNOWN, tf.int64))}

    def item_table(self, training: bool = False) -> ItemTable | None:
        """Vectors and biases of items with features; in training, of those with an id. None: ids are all there is.

        It costs as much as the catalogue is large, so whoever needs it twice hands it on.
        """
        if self.tower is None:
            return None
        if self._frozen is not None:
            return ItemTable(*[part if part is None else tf.convert_to_tensor(part) for part in self._frozen])
        weights = (self.items, self.bias, self.scored_items)
        ids = [weight if weight is None else tf.cast(weight, tf.float32) for weight in weights]
        table = self.tower.training_table if training else self.tower.table
        return table(*ids, sparse=not self.jit_compile and not tf.config.list_physical_devices("GPU"))

    def freeze(self) -> None:
        """Makes the vectors of items with features once and for all, for a model that won't be trained any more."""
        table = self.item_table()
        if table is not None:
            made = [part if part is None else tf.Variable(part, trainable=False) for part in table]
            self._frozen = ItemTable(*made)

    def needed_variables(self) -> list[tf.Variable]:
        """What scores depend on; where the items' vectors are frozen, without what made them."""
        if self.tower is None or self._frozen is None:
            return list(self.variables)
        made = {id(variable) for variable in (self.items, self.bias, self.scored_items, *self.tower.variables)}
        return [variable for variable in self.variables if id(variable) not in made]

    def _vectors_and_biases(self, table: ItemTable | None) -> tuple[tf.Tensor, tf.Tensor]:
        """What the candidates are scored by: [n (+ c), Q] and [n (+ c)]."""
        vectors, bias, scored = table or self.item_table() or (self.items, self.bias, self.scored_items)
        scored = tf.convert_to_tensor(vectors if scored is None else scored)[f.FIRST_ITEM :]
        own = None if self.long_term is None else self.long_term.candidates()[: tf.shape(scored)[0]]
        return beside(scored, own), bias

    def embed(self, features: Features, training: bool = False, table: ItemTable | None = None) -> tf.Tensor:
        """What goes into the architecture: [B, T, D], in the precision that the policy computes in."""
        table = table or self.item_table(training)
        x = lookup(tf.convert_to_tensor(self.items) if table is None else table.vectors, features[f.HISTORY])
        x = tf.cast(x, self.compute_dtype)
        if self.gaps is not None:
            x += lookup(tf.convert_to_tensor(self.gaps), features[f.HISTORY_GAP])
        if self.users is not None:
            x += lookup(tf.convert_to_tensor(self.users), features[f.USER])[:, tf.newaxis]
        if self.contexts is not None:
            x += tf.cast(self.contexts(features), x.dtype)
        return tf.cast(x, self.compute_dtype)

    def call(
        self, features: Features, training: bool = False, table: ItemTable | None = None, last: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Queries at every position, [B, T, Q], or at places `last` [B] alone, [B, Q]; `table`: item_table's."""
        if training and self.silence is not None:
            features = silenced(features, self.silence.drawn(tf.shape(features[f.HISTORY])[0]))
        embedded = self.dropout(self.embed(features, training, table), training=training)
        queries = self.architecture(embedded, training=training, last=last)
        if self.bursts is not None:
            queries += self.bursts(embedded, features[f.HISTORY_GAP], last=last)
        return beside(queries, None if self.long_term is None else self.long_term(features, ends=last is not None))

    def query(self, features: Features, table: ItemTable | None = None) -> tf.Tensor:
        """Queries at the last event, of all members: [B, Q]; of no meaning where a history is empty."""
        last = tf.maximum(tf.math.count_nonzero(features[f.HISTORY], axis=1) - 1, 0)
        return self.averaged(self(features, table=table, last=last))

    def averaged(self, queries: tf.Tensor) -> tf.Tensor:
        """[..., Q], of what `call` gives: products with candidates are the means of the members'."""
        return members.mean(queries, self.options.members, self.options.embedding_dim)

    def compute_loss(self, features: Features, training: bool = False) -> tf.Tensor:
        """Mean loss of the positions that count, as a scalar float32; 0 where none does."""
        total, weight = self.loss_and_weight(features, training)
        return tf.math.divide_no_nan(total, weight)

    def loss_and_weight(
        self, features: Features, training: bool = False, table: ItemTable | None = None, query: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Weighted sum of the positions' losses, and sum of the weights: two scalars, float32.

        Takes training features, or evaluation features, whose labels count one each where they have an id. `query`:
        query's of the latter, where it is at hand.
        """
        table = table or self.item_table(training)
        known = self.catalogue.size - f.FIRST_ITEM
        if features[f.LABEL].shape.rank == 1:
            labels, times = features[f.LABEL], self._times(features)
            counts = (labels >= f.FIRST_ITEM) & (labels < self.catalogue.size)
            ratings = features.get(f.LABEL_RATING)
            queries = self.query(features, table) if query is None else query
            weights = self.head.weights(tf.cast(counts, tf.float32), ratings)
            ids, at, apart = self.masked(features), None, 1
        else:
            queries, labels, weights, times, ratings, at = self._positions(features, training, table)
            ids, apart = features[f.HISTORY], self.options.members  # each learns on its own
        columns = tf.clip_by_value(labels - f.FIRST_ITEM, 0, known - 1)  # what has no id has no weight
        (vectors, bias), adjust = self._vectors_and_biases(table), self._adjust(times, columns, ids, at)
        several = members.each(apart, self.options.embedding_dim, queries, vectors[:known])
        totals = [self.head.total(ratings, own, columns, weights, them, bias[:known], adjust) for own, them in several]
        return tf.add_n(totals) / apart, tf.reduce_sum(weights)

    def _positions(self, features: Features, training: bool, table: ItemTable | None) -> tuple[tf.Tensor, ...]:
        """Queries [N, Q], labels, weights, times, ratings and places in [B * T], each [N], of positions that count."""
        queries = self(features, training=training, table=table)
        queries = tf.reshape(queries, [-1, queries.shape[-1]])
        times, weights, ratings = self._times(features), features[f.WEIGHT], features.get(f.LABEL_RATING)
        ratings = tf.fill(tf.shape(weights), float("nan")) if ratings is None else ratings
        weights = tf.reshape(self.head.weights(weights, ratings), [-1])
        labels, times, ratings = (tf.reshape(part, [-1]) for part in (features[f.LABEL], times, ratings))
        values = (queries, labels, weights, times, ratings, tf.range(tf.size(labels, tf.int64)))
        if self.jit_compile:
            return values  # XLA wants shapes that don't depend on values: weights of 0 do the same
        counts = tf.where(weights > 0)[:, 0]
        return tuple(tf.gather(value, counts) for value in values)

    def _times(self, features: Features) -> tf.Tensor:
        """Of the queries: like label, int64 milliseconds; 0: unknown."""
        return features[f.LABEL_TIMESTAMP] if f.LABEL_TIMESTAMP in features else tf.zeros_like(features[f.LABEL])

    def _adjust(
        self, times: tf.Tensor, columns: tf.Tensor, ids: tf.Tensor, at: tf.Tensor | None
    ) -> Callable[[tf.Tensor | None], tf.Tensor] | None:
        """What ranker.losses calls adjust; the past of query n is what `ids` [B, T] hold up to place at[n]."""
        known = self.catalogue.size - f.FIRST_ITEM
        masked = self.catalogue.mask_seen and self.options.mask_past
        past = Past.up_to(ids, at, columns, known) if masked else None
        aged = None if self.age is None else self.age.at_labels(times, columns)
        return adjustment(past, aged, known)

    # Nothing below needs autograph, and its reading of Keras' source took 10 of the first epoch's 13 seconds.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, features: Features) -> dict[str, tf.Tensor]:
        """One step of the optimiser, towards the mean over the positions of all replicas.

        tfrs.Model's own neither scales a loss for 16-bit gradients nor divides it between replicas.
        """
        with tf.GradientTape() as tape:
            table = self.item_table(training=True)
            several = slices.each(lambda some: self.loss_and_weight(some, True, table), features, slices.count(self))
            total, weight = (tf.add_n(parts) for parts in zip(*several, strict=True))
            everywhere = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, weight)
            loss = tf.math.divide_no_nan(total, everywhere)
        self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
        self.loss_mean.update_state(tf.math.divide_no_nan(total, weight), weight)
        return {"loss": self.loss_mean.result()}

    @tf.autograph.experimental.do_not_convert
    def test_step(self, features: Features) -> dict[str, tf.Tensor]:
        """Loss and ranks of one evaluation batch."""
        table = self.item_table()

        def measured(some: Features) -> tuple[tf.Tensor, ...]:
            query = self.query(some, table)  # for the loss and the ranks: the LSTM is most of the work
            return *self.loss_and_weight(some, table=table, query=query), self.label_ranks(some, table, query)

        for total, weight, ranks in slices.each(measured, features, slices.count(self)):
            self.loss_mean.update_state(tf.math.divide_no_nan(total, weight), weight)
            for metric in self.rank_metrics:
                metric.update_state(ranks)
        self.head.validate(self, features, table)
        metrics = (self.loss_mean, *self.rank_metrics, *self.head_metrics)
        return {metric.name: metric.result() for metric in metrics}

    def label_ranks(
        self, features: Features, table: ItemTable | None = None, query: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Rank of each row's label over the catalogue without its past: [B] int64, 1 is best, 0: no candidate."""
        queries = self.scoring_queries(features, table, query)
        aged = self.aged(queries, features.get(f.LABEL_TIMESTAMP))
        return scoring.label_ranks(queries, features[f.LABEL], self.candidates(table), self.masked(features), aged)

    def popularity_ranks(self, features: Features) -> tf.Tensor:
        """As label_ranks, were items ranked by training count."""
        labels = features[f.LABEL]
        aged = self.aged(scoring.popularity_queries(tf.shape(labels)[0], 0), features.get(f.LABEL_TIMESTAMP))
        return popularity.label_ranks(self.catalogue, labels, self.masked(features), aged)

    def scoring_queries(
        self, features: Features, table: ItemTable | None = None, query: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Queries for ranker.scoring [B, Q + 2]: popularity answers a history without an item that the model knows."""
        known = tf.reduce_any(features[f.HISTORY] >= f.FIRST_ITEM, axis=1)
        return scoring.queries(self.query(features, table) if query is None else query, known)

    def candidates(self, table: ItemTable | None = None) -> tf.Tensor:
        """Candidates for ranker.scoring: [n + c, Q + 2] float32."""
        return scoring.candidates(*self._vectors_and_biases(table), tf.constant(self.head.prior))

    def aged(self, queries: tf.Tensor, times: tf.Tensor | None) -> Aged | None:
        """Age of the candidates for ranker.scoring; popularity's answers leave out what isn't published, no more.

        queries: [B, Q + 2], scoring_queries'. times: [B] int64, milliseconds; 0 or None: unknown. None without age.
        """
        if self.age is None:
            return None
        known = queries[:, -2]
        return self.age.at(tf.zeros_like(known, tf.int64) if times is None else times, share=known)

    def masked(self, features: Features) -> tf.Tensor:
        """Ids that are no candidates: [B, M] int64."""
        past: Sequence[str] = (f.HISTORY, f.SEEN) if self.catalogue.mask_seen else ()
        parts = [features[name] for name in (*past, f.EXCLUDE) if name in features]
        return tf.concat([features[f.HISTORY][:, :0], *parts], axis=1)
