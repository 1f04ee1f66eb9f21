"""A training from the files that earlier stages left: what the Trainer runs once, and the Tuner once a trial."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import fsspec
import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf

from ranker import items_table, ratings
from ranker.catalogue import Catalogue, counts_in_order
from ranker.dataset import evaluation_batches, training_data
from ranker.item_features import item_features
from ranker.long_term import item_factors
from ranker.model import SequenceRanker
from ranker.options import settled
from ranker.training import TrainingResult, fit
from schemas import features as f
from schemas.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl
    import tensorflow_transform as tft

    from ranker.job_options import JobOptions
    from ranker.workers import Workers

_VALIDATED_AT_ONCE = 256  # rows
_MANY_LOGITS = 2 << 30  # bytes; the gradient takes as much again


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where a training's data lie, and what SequenceGen decided.

    Args:
        train, valid, test: patterns of the splits' files; test is for whoever trains on everything, and no other.
        item_counts: a Parquet file.
        window: most events that a history holds.
        mask_seen: items of the past are no candidates.
        items: pattern of the items table's files; None: there is no table.
    """

    train: Sequence[str]
    valid: Sequence[str]
    test: Sequence[str]
    item_counts: str
    window: int
    mask_seen: bool
    items: str | None = None


@dataclasses.dataclass(frozen=True)
class Job:
    """The knobs, the loss settled, the files, and what the model must know of the data."""

    options: JobOptions
    catalogue: Catalogue
    items: pl.DataFrame | None
    transform: tft.TFTransformOutput
    train_files: list[str]
    valid_files: list[str]
    test_files: list[str]

    @classmethod
    def of(cls, options: JobOptions, sources: Sources, transform: tft.TFTransformOutput) -> Job:
        """Reads what is small.

        Args:
            options: the knobs.
            sources: where the data lie.
            transform: Transform's output, with the vocabularies.
        Raises: ModelError: the vocabulary is empty, an item of it has no count, or the head needs ratings and there
            is none.
        """
        catalogue = read_catalogue(transform, sources, gaps=options.model.gap_embedding)
        table = items_table.read(_files([sources.items])) if sources.items else None
        if table is not None and options.model.item_features:
            features = item_features(table, catalogue.items, cold=options.cold_items)
            catalogue = dataclasses.replace(catalogue, features=None if features.empty else features)
        train_files = _files(sources.train)
        spec, items, rank = transform.transformed_feature_spec(), len(catalogue.items), options.model.long_term_rank
        if options.model.head.rated:
            found = ratings.read(train_files, spec, window=sources.window, items=items)
            catalogue = dataclasses.replace(catalogue, ratings=found)
        if rank:
            factors = item_factors(train_files, spec, window=sources.window, items=items, rank=rank)
            catalogue = dataclasses.replace(catalogue, factors=factors)
        return cls(
            options=with_loss(options, len(catalogue.items)),
            catalogue=catalogue,
            items=table,
            transform=transform,
            train_files=train_files,
            valid_files=_files(sources.valid),
            test_files=_files(sources.test),
        )

    def train(
        self,
        files: Sequence[str],
        validation: Sequence[str],
        *,
        checkpoint: str | None,
        epochs: int | None = None,
        log_folder: str | None = None,
        start: Callable[[SequenceRanker], object] | None = None,
        workers: Workers | None = None,
    ) -> TrainingResult:
        """Trains on some files, from the checkpoint of that name if a killed run left one.

        Args:
            files: of training rows.
            validation: files to validate on; none: train to the end, on the latest weights.
            checkpoint: file to keep the state in; None: a killed run begins anew.
            epochs: when to end, if before `options.epochs`.
            log_folder: for TensorBoard's event files.
            start: puts other weights into the new model; None: it begins as it is initialised.
            workers: the machines that train together; None: this one trains alone.
        Raises: ModelError: there is nothing to learn from or to validate on, or training diverged.
        """
        options, spec = self.options, self.transform.transformed_feature_spec()
        # XLA compiles each shape anew, and a GPU would rather have one shape than less padding.
        fixed = options.xla or bool(tf.config.list_physical_devices("GPU"))
        window = self.catalogue.window
        data = training_data(
            files, spec, batch_size=options.batch_size, window=window, seed=options.seed, fixed_width=fixed,
            shuffle_ties=options.shuffle_ties, share=None if workers is None else workers.share,
        )  # fmt: skip
        rows = evaluation_batches(
            validation, spec, batch_size=_VALIDATED_AT_ONCE, window=window, fixed_width=fixed,
            most_rows=options.validation_rows, cold_items=self.catalogue.cold, first_cold=self.catalogue.size,
        ) if validation else None  # fmt: skip
        if rows is not None and next(iter(rows), None) is None:
            raise ModelError(
                "There is no example in the validation split, so nothing says when to stop.",
                next_step="see that sequence_gen.split leaves labels to validation.",
            )

        def build() -> SequenceRanker:
            model = SequenceRanker(options.model, self.catalogue)
            if start is not None:
                start(model)
            return model

        return fit(
            build, data, rows, options, epochs=epochs, checkpoint=checkpoint, log_folder=log_folder, workers=workers
        )


def with_loss(options: JobOptions, items: int) -> JobOptions:
    """The knobs with the loss that `loss: auto` stands for in a catalogue of that many items; the log names it."""
    model = settled(options.model, items)
    if model is not options.model:
        logging.info("trainer.model.loss: auto is %s, with %s items.", model.loss.name, f"{items:,}")
    return options.model_copy(update={"model": model})


def warn_of_logits(options: JobOptions, catalogue: Catalogue) -> None:
    """Says so in the log where the whole catalogue's logits of one batch would take more than _MANY_LOGITS."""
    logits = 4 * options.batch_size * catalogue.window * len(catalogue.items) * options.model.members
    if options.model.loss.name == "cross_entropy" and logits > _MANY_LOGITS:
        logging.warning(
            "Up to %.1f GiB of logits a step: %d rows of %d positions against %d items. If memory or time runs short, "
            "set trainer.model.loss: sampled_softmax, or lower trainer.batch_size.",
            logits / 2**30, options.batch_size, catalogue.window, len(catalogue.items),
        )  # fmt: skip


def read_catalogue(transform: tft.TFTransformOutput, sources: Sources, *, gaps: bool) -> Catalogue:
    """What the model must know of the data.

    Args:
        transform: Transform's output, with the vocabularies.
        sources: item_counts, window and mask_seen are read.
        gaps: whether the model embeds time gaps.
    Raises: ModelError: the vocabulary is empty, or an item of it has no count.
    """
    names = [item.decode() for item in transform.vocabulary_by_name(f.ITEM_VOCABULARY)]
    with fsspec.open(sources.item_counts, "rb") as file:
        table = pq.read_table(file)
    has_users = f.USER in transform.transformed_feature_spec()
    return Catalogue(
        items=np.asarray(names, dtype=object),
        counts=counts_in_order(names, table["item_id"].to_pylist(), table["count"].to_numpy()),
        users=transform.vocabulary_size_by_name(f.USER_VOCABULARY) if has_users else 0,
        gaps=_gaps(transform) if gaps else 0,
        window=sources.window,
        mask_seen=sources.mask_seen,
        contexts=_sizes(transform, f.HISTORY_CONTEXT_PREFIX),
        user_features=_sizes(transform, f.USER_FEATURE_PREFIX),
        vocabularies=_vocabularies(transform),
    )


def _vocabularies(transform: tft.TFTransformOutput) -> dict[str, list[str]]:
    """Strings of users and of the columns' values, by the feature that holds their ids."""
    spec = transform.transformed_feature_spec()
    files = {f.USER: f.USER_VOCABULARY} if f.USER in spec else {}
    columns = [name for name in spec if name.startswith((f.HISTORY_CONTEXT_PREFIX, f.USER_FEATURE_PREFIX))]
    files |= {name: f.vocabulary_file(name) for name in columns}
    return {
        name: [value.decode("utf-8", "replace") for value in transform.vocabulary_by_name(file)]
        for name, file in files.items()
    }


def _sizes(transform: tft.TFTransformOutput, prefix: str) -> dict[str, int]:
    """Ids that each feature with that prefix can take, by its name without the prefix."""
    names = [name for name in transform.transformed_feature_spec() if name.startswith(prefix)]
    sizes = [transform.vocabulary_size_by_name(f.vocabulary_file(name)) + f.FIRST_ITEM for name in names]
    return dict(zip([name.removeprefix(prefix) for name in names], sizes, strict=True))


def _gaps(transform: tft.TFTransformOutput) -> int:
    """Number of values that history_gap can take: the graph is asked for the bucket of an endless gap."""
    spec = transform.raw_feature_spec()
    values = {tf.string: tf.train.Feature(bytes_list=tf.train.BytesList(value=[b""])),
        tf.float32: tf.train.Feature(float_list=tf.train.FloatList(value=[0.0])),
        tf.int64: tf.train.Feature(int64_list=tf.train.Int64List(value=[0]))}  # fmt: skip
    features = {name: values[feature.dtype] for name, feature in spec.items()}
    features[f.HISTORY] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"", b""]))
    features[f.HISTORY_TIMESTAMP] = tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 2**62]))
    example = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    gaps = transform.transform_features_layer()(tf.io.parse_example([example], spec))[f.HISTORY_GAP]
    return 1 + int(tf.reduce_max(gaps.values))


def _files(patterns: Sequence[str]) -> list[str]:
    """The files that patterns stand for, in order."""
    return sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
