"""The exported model: transform graph, weights, and the functions that become signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from ranker import scoring
from ranker.prediction import pair_scores
from ranker.signatures import raw
from ranker.signatures import state as flat
from ranker.signatures.cold import ColdItems
from ranker.signatures.steps import Steps
from schemas import features as f

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ranker.model import SequenceRanker

    Inputs = dict[str, tuple[list[int | None], tf.DType]]  # shape and type of each


class ExportedRanker(tf.Module):
    """What a SavedModel holds.

    Args:
        model: float32, outside any distribution strategy, frozen where its items have features.
        transform: TFT's layer: raw features -> transformed ones.
        raw_feature_spec: parsing spec of the raw features that it takes.
        recommendations: K, items in an answer.
    """

    def __init__(
        self,
        model: SequenceRanker,
        transform: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        raw_feature_spec: Mapping[str, Any],
        recommendations: int,
    ) -> None:
        super().__init__(name="ranker")
        self._transform = transform
        # Past tf.Module's tracking: of a model that it knows, Keras would have every layer's calls traced and written.
        self.__dict__["_model"] = model
        self._spec, self._k = dict(raw_feature_spec), recommendations
        self._tracked = model.needed_variables()
        self._steps = Steps(model) if hasattr(model.architecture, "step") else None
        catalogue = model.catalogue
        with tf.device("/CPU:0"):  # no GPU holds strings
            names = catalogue.candidates.astype(object)  # a fixed width would be the longest id's for all
            self._items = tf.Variable(names, dtype=tf.string, trainable=False, name="items")
            # Joined once: at 10^6 items joining takes five times as long as scoring them for one user.
            self._candidates = tf.Variable(model.candidates(), trainable=False, name="candidates")
            self._cold = ColdItems(catalogue.cold, catalogue.size) if len(catalogue.cold) else None

    def signatures(self) -> dict[str, Any]:
        """Name -> function; `step` and `rank` only where the architecture is recurrent."""
        text = tf.string
        lists: list[int | None] = [None, None]
        examples: Inputs = {f.EXAMPLES: ([None], text)}
        history: Inputs = {f.HISTORY: (lists, text), f.TIMESTAMPS: (lists, tf.int64), f.USER_ID: ([None], text)}
        functions = {
            f.SIGNATURE_SERVING: _function(self.serve, examples),
            f.SIGNATURE_EVALUATE: _function(self.evaluate, examples),
            f.SIGNATURE_RECOMMEND: _function(self.recommend, {**history, f.EXCLUDE: (lists, text)}),
            f.SIGNATURE_SCORE: _function(self.score, {**history, f.CANDIDATES: (lists, text)}),
            f.SIGNATURE_SCORE_EXAMPLES: _function(self.score_examples, {**examples, f.CANDIDATES: (lists, text)}),
        }
        if self._steps is not None:
            shape: list[int | None] = [None, flat.width(self._steps.sizes)]
            step: Inputs = {f.STATE: (shape, tf.float32), f.ITEM: ([None], text), f.TIMESTAMP: ([None], tf.int64)}
            functions[f.SIGNATURE_STEP] = _function(self.step, step)
            rank: Inputs = {f.STATE: (shape, tf.float32), f.EXCLUDE: (lists, text)}
            functions[f.SIGNATURE_RANK] = _function(self.rank, rank)
        return functions

    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialised sequences [B] -> answers."""
        return self._answer(self._parsed(examples), self._k)

    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialised sequences [B] -> the label's ranks, and the first TOP_K items."""
        features = self._parsed(examples)
        top = self._answer(features, f.TOP_K)
        return {
            f.LABEL_RANK: self._model.label_ranks(features),
            f.POPULARITY_RANK: self._model.popularity_ranks(features),
            f.TOP_ITEMS: top[f.ITEM_IDS],
        }

    def recommend(
        self, history: tf.Tensor, timestamps: tf.Tensor, user_id: tf.Tensor, exclude: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Histories as dense strings -> answers; "" anywhere is no event, though its time may be the request's."""
        features = self._of_histories(history, timestamps, user_id)
        return self._answer({**features, f.EXCLUDE: self._ids(exclude)}, self._k)

    def score(
        self, history: tf.Tensor, timestamps: tf.Tensor, user_id: tf.Tensor, candidates: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Histories as for `recommend`, and items of any kind beside each -> what the head says of them."""
        return self._scored(self._of_histories(history, timestamps, user_id), candidates)

    def score_examples(self, examples: tf.Tensor, candidates: tf.Tensor) -> dict[str, tf.Tensor]:
        """As `score`, for serialised sequences; each is asked when its label was, if it has one."""
        return self._scored(self._parsed(examples), candidates)

    def _of_histories(self, history: tf.Tensor, timestamps: tf.Tensor, user_id: tf.Tensor) -> dict[str, tf.Tensor]:
        kept = history != ""
        items, times = raw.compact(history, kept), raw.compact(timestamps, kept)
        window = self._model.catalogue.window
        features = self._features(
            {
                f.HISTORY: items[:, -window:].to_sparse(),
                f.HISTORY_TIMESTAMP: times[:, -window:].to_sparse(),
                f.SEEN: items[:, :-window].to_sparse(),
                f.USER_ID: tf.sparse.from_dense(user_id[:, tf.newaxis]),
            },
            tf.shape(history)[0],
        )
        asked = tf.reduce_max(tf.pad(timestamps, [[0, 0], [0, 1]]), axis=1)
        return {**features, f.LABEL_TIMESTAMP: asked}

    def step(self, state: tf.Tensor, item: tf.Tensor, timestamp: tf.Tensor) -> dict[str, tf.Tensor]:
        """One event more; an item "" changes nothing. The user is one that training didn't know."""
        assert self._steps is not None  # otherwise there is no such signature
        states, known, last = flat.unpack(state, self._steps.sizes)
        # The event before is there only for the time between: what it was, the state knows.
        pair, times = tf.stack([item, item], 1), tf.stack([last, timestamp], 1)
        given = {f.HISTORY: tf.sparse.from_dense(pair), f.HISTORY_TIMESTAMP: _sparse(times)}
        features = self._features(given, tf.shape(item)[0])
        at = {name: tf.pad(features[name], [[0, 0], [0, 1]])[:, 1:2] for name in (f.HISTORY, f.HISTORY_GAP)}
        if f.USER in features:
            at[f.USER] = features[f.USER]
        after = self._steps.after(at, states)
        counted = known + tf.cast(at[f.HISTORY][:, 0] >= f.FIRST_ITEM, tf.float32)
        moved = flat.pack(after, counted, timestamp)
        return {f.STATE: tf.where((item != "")[:, tf.newaxis], moved, state)}

    def rank(self, state: tf.Tensor, exclude: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers after the events that a state has seen; they are left out only if `exclude` names them."""
        assert self._steps is not None  # otherwise there is no such signature
        states, known, last = flat.unpack(state, self._steps.sizes)
        queries = scoring.queries(self._steps.query(states), known > 0)
        return self._best(queries, last, self._ids(exclude), self._k)

    def _parsed(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._transformed(tf.io.parse_example(examples, raw.tolerant(self._spec)))

    def _features(self, given: dict[str, tf.SparseTensor], rows: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._transformed(raw.complete(given, self._spec, rows))

    def _transformed(self, given: dict[str, Any]) -> dict[str, tf.Tensor]:
        ids = self._transform(given)
        if self._cold is not None:
            ids = self._cold.given_ids(given, ids)
        return {**raw.dense_features(ids), f.LABEL_TIMESTAMP: raw.query_times(given)}

    def _ids(self, items: tf.Tensor) -> tf.Tensor:
        """[B, E] string -> [B, E'] int64, closed up."""
        closed = raw.compact(items, items != "").to_sparse()
        return self._features({f.SEEN: closed}, tf.shape(items)[0])[f.SEEN]

    def _scored(self, features: dict[str, tf.Tensor], candidates: tf.Tensor) -> dict[str, tf.Tensor]:
        named = self._features({f.SEEN: tf.sparse.from_dense(candidates)}, tf.shape(candidates)[0])[f.SEEN]
        known = (named >= f.FIRST_ITEM) & (named < f.FIRST_ITEM + len(self._model.catalogue.candidates))
        scores, _ = pair_scores(self._model, features, named)
        return {f.SCORES: tf.where(known, self._model.head.values(scores), float("nan"))}

    def _answer(self, features: dict[str, tf.Tensor], k: int) -> dict[str, tf.Tensor]:
        queries = self._model.scoring_queries(features)
        return self._best(queries, features[f.LABEL_TIMESTAMP], self._model.masked(features), k)

    def _best(self, queries: tf.Tensor, times: tf.Tensor, masked: tf.Tensor, k: int) -> dict[str, tf.Tensor]:
        aged = self._model.aged(queries, times)
        columns, scores = scoring.best(queries, tf.convert_to_tensor(self._candidates), masked, k, aged)
        left = scores > -float("inf")
        values = tf.where(left, self._model.head.values(scores), -float("inf"))
        return {f.ITEM_IDS: tf.where(left, tf.gather(self._items, columns), ""), f.SCORES: values}


def _function(method: Callable[..., Any], inputs: Inputs) -> Any:
    return tf.function(
        method, autograph=False, input_signature=[tf.TensorSpec(*kind, name=name) for name, kind in inputs.items()]
    )


def _sparse(values: tf.Tensor) -> tf.SparseTensor:
    """Every value, zeros included."""
    return tf.RaggedTensor.from_tensor(values).to_sparse()
