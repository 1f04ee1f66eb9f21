"""One inference pass: serialised sequences in, rows of schemas.records.PER_USER and PAIRS out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import apache_beam as beam
import numpy as np
import polars as pl
import pyarrow as pa
import tensorflow as tf
from apache_beam.metrics import Metrics
from apache_beam.utils import shared

from components.evaluator import columns, per_user
from ranker.baselines import recent
from schemas import errors, features, models, records

if TYPE_CHECKING:
    from components.evaluator.pairs import Pairs

RANKS, PAIRS = "ranks", "pairs"  # outputs of `Rank`
_SORTED_TOGETHER = 16  # batches: examples of like length are ranked together, so that little of a batch is padding
_NAMED_AT_ONCE = 65_536  # items that a model is asked whether it knows


class _Loaded:
    """A SavedModel that several threads share; a class of its own, since Beam keeps weak references."""

    def __init__(self, folder: str) -> None:
        self._model = _load(folder)
        self._folder = folder
        self.evaluate = self._signature(features.SIGNATURE_EVALUATE)

    def score(self, examples: list[bytes], candidates: np.ndarray) -> np.ndarray:
        """Scores of items beside each example: [n, C] of str -> [n, C] float32, NaN for one it doesn't know."""
        signature = self._signature(features.SIGNATURE_SCORE_EXAMPLES)
        given = {features.EXAMPLES: tf.constant(examples), features.CANDIDATES: tf.constant(candidates, tf.string)}
        return signature(**given)[features.SCORES].numpy()

    def knows(self, items: pl.Series) -> np.ndarray:
        """Whether it can score each item: [n] bool."""
        nobody = [tf.train.Example().SerializeToString()]
        parts = [items[i : i + _NAMED_AT_ONCE] for i in range(0, len(items), _NAMED_AT_ONCE)]
        scores = [self.score(nobody, np.array([part.to_list()], dtype=object))[0] for part in parts]
        return np.isfinite(np.concatenate([np.empty(0, np.float32), *scores]))

    def _signature(self, name: str) -> tf.types.experimental.ConcreteFunction:
        if name not in self._model.signatures:
            raise errors.ModelError(
                f"The model has no signature {name!r}.",
                where=self._folder,
                why=f"It has {', '.join(sorted(self._model.signatures))}.",
            )
        return self._model.signatures[name]


def _load(folder: str) -> tf.Module:
    """Loads a SavedModel; one in an object store is copied first, since TensorFlow itself reads few of them."""
    with models.opened(folder) as path:
        return tf.saved_model.load(str(path))


class Rank(beam.DoFn):
    """Ranks lists of examples by one or two models, and scores pairs where the model's head has them.

    Its outputs are RANKS and, where there are pairs, PAIRS.

    Memory holds the models and one list of examples, whatever their number.

    Args:
        split: its name goes into each row.
        model: folder of the candidate's SavedModel.
        baseline: folder of the baseline's, or None.
        batch_size: examples a call of a model.
        item_counts: Parquet file of schemas.records.ITEM_COUNTS; None where items of the past are masked, so that the
            user's own latest items would be no baseline.
        pairs: what to score; None: nothing.
        compared: whether the baseline's scores mean the same as the candidate's.
    """

    def __init__(
        self,
        split: str,
        model: str,
        baseline: str | None,
        batch_size: int,
        item_counts: str | None = None,
        pairs: Pairs | None = None,
        compared: bool = False,
    ) -> None:
        self._split, self._batch_size, self._item_counts = split, batch_size, item_counts
        self._pairs, self._compared = pairs, compared
        self._folders = [folder for folder in (model, baseline) if folder]
        self._handles = [shared.Shared() for _ in self._folders]

    def setup(self) -> None:
        self._models = [
            handle.acquire(lambda folder=folder: _Loaded(folder), tag=folder)
            for handle, folder in zip(self._handles, self._folders, strict=True)
        ]
        self._counted = per_user.read_item_counts(self._item_counts)["item_id"] if self._item_counts else None
        if self._pairs is not None:
            self._pairs.setup(self._models[0].knows)

    def process(self, examples: list[bytes]) -> Iterator[pa.Table | beam.pvalue.TaggedOutput]:
        read = records.from_examples(examples)
        Metrics.counter("seqrank", f"ranked_labels_{self._split}").inc(len(examples))
        order = np.argsort(columns.lengths(read, features.HISTORY), kind="stable")
        examples, read = [examples[i] for i in order], read.take(pa.array(order))
        candidate, *others = [self._call(model, examples) for model in self._models]
        ranks = {
            per_user.CANDIDATE: candidate[features.LABEL_RANK],
            per_user.POPULARITY: candidate[features.POPULARITY_RANK],
        }
        if others:
            ranks[per_user.BASELINE] = others[0][features.LABEL_RANK]
        if self._counted is not None:
            ranks[per_user.RECENT] = _recent_ranks(read, ranks[per_user.POPULARITY], self._counted)
        yield _rows(self._split, read, ranks, candidate[features.TOP_ITEMS])
        if self._pairs is not None:
            table = self._pairs.table(self._split, read, lambda items: self._scores(examples, items))
            yield beam.pvalue.TaggedOutput(PAIRS, table)

    def _scores(self, examples: list[bytes], items: np.ndarray) -> list[np.ndarray]:
        """Of the candidate, and of the baseline where its scores mean the same."""
        starts = range(0, len(examples), self._batch_size)
        places = [slice(i, i + self._batch_size) for i in starts]
        models = self._models if self._compared else self._models[:1]
        return [np.concatenate([model.score(examples[at], items[at]) for at in places]) for model in models]

    def _call(self, model: _Loaded, examples: list[bytes]) -> dict[str, np.ndarray]:
        starts = range(0, len(examples), self._batch_size)
        parts = [model.evaluate(tf.constant(examples[i : i + self._batch_size])) for i in starts]
        return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}


def examples_together(batch_size: int) -> beam.BatchElements:
    """Gathers examples into the lists that `Rank` takes."""
    size = batch_size * _SORTED_TOGETHER
    return beam.BatchElements(min_batch_size=size, max_batch_size=size)


def _recent_ranks(read: pa.RecordBatch, popularity_ranks: np.ndarray, counted: pl.Series) -> np.ndarray:
    """Ranks of the labels under the user's own latest items: [n] int64."""
    if features.HISTORY in read.schema.names:
        histories = pl.Series(pl.from_arrow(read.column(read.schema.get_field_index(features.HISTORY))))
    else:
        histories = pl.Series([None] * len(read))
    texts = histories.cast(pl.List(pl.Binary)).cast(pl.List(pl.String))
    labels = pl.Series(pl.from_arrow(columns.text(read, features.LABEL)))
    return recent.label_ranks(texts, labels, popularity_ranks, counted)


def _rows(split: str, read: pa.RecordBatch, ranks: dict[str, np.ndarray], top: np.ndarray) -> pa.Table:
    """One row an example; the ranks that there are by their names in per_user.RANK_COLUMNS, the others null."""
    n = len(read)
    made = {
        "split": pa.array([split] * n, pa.string()),
        "user_id": columns.text(read, features.USER_ID),
        "label": columns.text(read, features.LABEL),
        "label_timestamp": columns.one(read, features.LABEL_TIMESTAMP, pa.int64()),
        **{
            column: pa.array(ranks[model], pa.int64()) if model in ranks else pa.nulls(n, pa.int64())
            for model, column in per_user.RANK_COLUMNS.items()
        },
        "top_items": records.lists(top, top != b"", pa.binary()).cast(pa.list_(pa.string())),
        features.HISTORY_LENGTH: columns.text(read, features.HISTORY_LENGTH),
        features.LABEL_POPULARITY: columns.text(read, features.LABEL_POPULARITY),
        features.LABEL_REPEATS: columns.one(read, features.LABEL_REPEATS, pa.int64()),
        per_user.GROUPS: _groups(read),
    }
    return pa.Table.from_arrays([made[name] for name in records.PER_USER.names], schema=records.PER_USER)


def _groups(read: pa.RecordBatch) -> pa.Array:
    """What the users table says of each row's user: [n] list<string> of <column>=<value>."""
    found: list[list[str]] = [[] for _ in range(len(read))]
    for name in read.schema.names:
        if name.startswith(features.USER_FEATURE_PREFIX):
            column = name.removeprefix(features.USER_FEATURE_PREFIX)
            for row, value in zip(*columns.values(read, name), strict=True):
                found[row].append(f"{column}={value}")
    return pa.array(found, pa.list_(pa.string()))
