"""One inference pass: serialised sequences in, rows of schemas.records.PER_USER out."""

from __future__ import annotations

import tempfile

import apache_beam as beam
import fsspec
import fsspec.implementations.local
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from apache_beam.utils import shared

from components.evaluator import per_user
from ranker.baselines import recent
from schemas import errors, features, records

_SORTED_TOGETHER = 16  # batches: examples of like length are ranked together, so that little of a batch is padding


class _Loaded:
    """A SavedModel that several threads share; a class of its own, since Beam keeps weak references."""

    def __init__(self, folder: str) -> None:
        self._model = _load(folder)
        if features.SIGNATURE_EVALUATE not in self._model.signatures:
            raise errors.ModelError(
                f"The model has no signature {features.SIGNATURE_EVALUATE!r}.",
                where=folder,
                why=f"It has {', '.join(sorted(self._model.signatures))}.",
            )
        self.evaluate = self._model.signatures[features.SIGNATURE_EVALUATE]


def _load(folder: str) -> tf.Module:
    """Loads a SavedModel; one in an object store is copied first, since TensorFlow itself reads few of them."""
    system, path = fsspec.core.url_to_fs(folder)
    if isinstance(system, fsspec.implementations.local.LocalFileSystem):
        return tf.saved_model.load(path)
    with tempfile.TemporaryDirectory() as scratch:
        system.get(f"{path}/", f"{scratch}/", recursive=True)
        return tf.saved_model.load(scratch)


class Rank(beam.DoFn):
    """Ranks lists of examples by one or two models.

    Memory holds the models and one list of examples, whatever their number.

    Args:
        split: its name goes into each row.
        model: folder of the candidate's SavedModel.
        baseline: folder of the baseline's, or None.
        batch_size: examples a call of a model.
        item_counts: Parquet file of schemas.records.ITEM_COUNTS; None where items of the past are masked, so that the
            user's own latest items would be no baseline.
    """

    def __init__(
        self, split: str, model: str, baseline: str | None, batch_size: int, item_counts: str | None = None
    ) -> None:
        self._split, self._batch_size, self._item_counts = split, batch_size, item_counts
        self._folders = [folder for folder in (model, baseline) if folder]
        self._handles = [shared.Shared() for _ in self._folders]

    def setup(self) -> None:
        self._models = [
            handle.acquire(lambda folder=folder: _Loaded(folder), tag=folder)
            for handle, folder in zip(self._handles, self._folders, strict=True)
        ]
        self._counted = per_user.read_item_counts(self._item_counts)["item_id"] if self._item_counts else None

    def process(self, examples: list[bytes]) -> list[pa.Table]:
        read = records.from_examples(examples)
        order = np.argsort(_lengths(read, features.HISTORY), kind="stable")
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
        return [_rows(self._split, read, ranks, candidate[features.TOP_ITEMS])]

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
    labels = pl.Series(pl.from_arrow(_text(read, features.LABEL)))
    return recent.label_ranks(texts, labels, popularity_ranks, counted)


def _rows(split: str, read: pa.RecordBatch, ranks: dict[str, np.ndarray], top: np.ndarray) -> pa.Table:
    """One row an example; the ranks that there are by their names in per_user.RANK_COLUMNS, the others null."""
    n = len(read)
    columns = {
        "split": pa.array([split] * n, pa.string()),
        "user_id": _text(read, features.USER_ID),
        "label": _text(read, features.LABEL),
        "label_timestamp": _one(read, features.LABEL_TIMESTAMP, pa.int64()),
        **{
            column: pa.array(ranks[model], pa.int64()) if model in ranks else pa.nulls(n, pa.int64())
            for model, column in per_user.RANK_COLUMNS.items()
        },
        "top_items": _lists(top),
        features.HISTORY_LENGTH: _text(read, features.HISTORY_LENGTH),
        features.LABEL_POPULARITY: _text(read, features.LABEL_POPULARITY),
        features.LABEL_REPEATS: _one(read, features.LABEL_REPEATS, pa.int64()),
    }
    return pa.Table.from_arrays([columns[name] for name in records.PER_USER.names], schema=records.PER_USER)


def _lists(items: np.ndarray) -> pa.Array:
    """[n, K] bytes, "" where a list is shorter, to [n] list<string> without the empty ones."""
    kept = items != b""
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    flat = pa.array(items[kept].tolist(), pa.binary()).cast(pa.string())
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)


def _lengths(read: pa.RecordBatch, name: str) -> np.ndarray:
    """Length of each row's list; an empty or absent feature has none."""
    if name not in read.schema.names:
        return np.zeros(len(read), np.int64)
    lengths = read.column(read.schema.get_field_index(name)).value_lengths()
    return lengths.fill_null(0).to_numpy(zero_copy_only=False)


def _one(read: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array:
    """The one value of each row; null where a row has none."""
    if name not in read.schema.names:
        return pa.nulls(len(read), kind)
    column = read.column(read.schema.get_field_index(name))
    return pc.list_element(column, 0).cast(kind)


def _text(read: pa.RecordBatch, name: str) -> pa.Array:
    return _one(read, name, pa.large_binary()).cast(pa.large_string()).cast(pa.string())
